"""Which conversations an export takes: what its filter finds, as far as people stand behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict

from conversations.bulk import TooCommon
from conversations.models import Conversation, ConversationQuerySet
from conversations.states import AWAITING_REVIEW, Status
from conversations.web.forms import FilterForm
from exports.formats import FORMATS
from exports.models import Export, ExportItem

# What may be in an export that is not of approved ones only: never what people rejected or archived.
USABLE = frozenset({Status.APPROVED, *AWAITING_REVIEW})
DECIDED = frozenset({Status.APPROVED, Status.REJECTED})
SAY_STATUS = ("status", "undecided", "flagged_since")  # the filters that an undecided version would not pass
MOST_BEFORE = 100  # exports that go on from one another


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The choices of an export that say which conversations: of a stored one, or of a form that is being filled in.

    `takes`: "examples", "decisions" or "pairs", see `exports.formats.Format.takes`.
    """

    workspace: UUID
    filter: str = ""
    chosen: Sequence[UUID] | None = None
    approved_only: bool = True
    simulated: bool = False
    since: Export | None = None
    takes: str = "examples"

    @classmethod
    def of(cls, export: Export) -> "Wanted":
        return cls(
            workspace=export.workspace_id,
            filter=export.filter,
            chosen=None if export.chosen is None else [UUID(key) for key in export.chosen],
            approved_only=export.approved_only,
            simulated=export.simulated,
            since=export.since,
            takes=FORMATS[export.format].takes,
        )


def find_conversations(wanted: Wanted) -> ConversationQuerySet:
    """The newest versions to be exported, in no order. Raises TooCommon for a search that cannot find all of them.

    Pairs need an earlier version beside the approved one; decisions are what people approved or rejected.
    """
    rows = find_filtered(wanted).filter(turn_count__gt=0)
    if wanted.takes == "decisions":
        rows = rows.filter(status__in=sorted(DECIDED), decided_at__isnull=False)
    elif wanted.approved_only or wanted.takes == "pairs":
        rows = rows.approved()
    else:
        rows = rows.filter(status__in=sorted(USABLE))
    if wanted.takes == "pairs":
        rows = rows.filter(Exists(find_earlier_versions()))
    if not wanted.simulated:
        rows = rows.filter(simulated=False)
    if wanted.since is not None and wanted.takes != "pairs":
        rows = rows.exclude(Exists(_find_exported(wanted.since).filter(conversation=OuterRef("pk"))))
    return rows


def find_filtered(wanted: Wanted) -> ConversationQuerySet:
    """What the filter or the ticks find, in the newest versions, whatever its status."""
    rows: ConversationQuerySet = Conversation.objects.filter(workspace=wanted.workspace).heads()
    if wanted.chosen is not None:
        rows = rows.filter(pk__in=wanted.chosen)
    found = FilterForm(QueryDict(wanted.filter)).find(rows)
    if found.is_partial:
        raise TooCommon
    return found.rows


def find_earlier_versions() -> "QuerySet[Conversation]":
    """Of a conversation in the outer query: the versions that a newer one has replaced, and that have turns."""
    return Conversation.objects.filter(root=OuterRef("root"), is_head=False, turn_count__gt=0)


def find_superseded(wanted: Wanted) -> ConversationQuerySet:
    """Undecided newest versions that have replaced an approved one: the chain is not exported before somebody decides."""
    approved = find_earlier_versions().filter(status_before_archive=Status.APPROVED)
    about = QueryDict(wanted.filter, mutable=True)
    for name in SAY_STATUS:
        about.pop(name, None)
    rows = find_filtered(replace(wanted, filter=about.urlencode())).undecided()
    return rows.filter(Exists(approved))


def list_exported_pairs(since: Export) -> set[tuple[UUID, UUID]]:
    """The pairs of an export and of those that it went on from."""
    pairs = _find_exported(since).filter(conversation__isnull=False, other__isnull=False)
    found: Any = pairs.values_list("conversation", "other")
    return set(found)


def _find_exported(since: Export) -> "QuerySet[ExportItem]":
    """The items of an export and of all those that it went on from."""
    keys, at = [since.pk], since.since_id
    while at is not None and at not in keys and len(keys) < MOST_BEFORE:
        keys.append(at)
        at = Export.objects.filter(pk=at).values_list("since", flat=True).first()
    return ExportItem.objects.filter(export__in=keys)
