"""One action on many conversations: in one transaction, with a decision about each and one audit entry for all.

The rows are locked first, so that none of them can change between the check and the move. What cannot be moved is left
as it is and told with its reason. The statements work on sets: 1,000 decisions take a fraction of a second.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from conversations.models import Conversation, ConversationQuerySet
from conversations.models.reviewed import REVIEW_FIELDS, plan_archiving, plan_decision, plan_restoring
from conversations.states import ARCHIVABLE, DECISIONS, REVIEWABLE, BulkAction, ReasonCode, Status
from lib.count_changed import CountChanged
from lib.stale_state import StaleRevision, StaleState, Superseded
from workspaces.audit import name_person, record
from workspaces.models import Membership, User, list_places
from workspaces.states import ROLE_TOO_LOW, Action, TargetKind

MOST_AT_ONCE = 10_000
NOT_THERE = "It does not exist, or it belongs to somebody else."
DECIDES = {
    BulkAction.APPROVE: Status.APPROVED,
    BulkAction.REJECT: Status.REJECTED,
    BulkAction.NEEDS_REVISION: Status.NEEDS_REVISION,
}
# The statuses in which each action is possible, and how a refusal calls it.
POSSIBLE: dict[BulkAction, tuple[Collection[Status], str]] = {
    **{action: (REVIEWABLE, DECISIONS[to]) for action, to in DECIDES.items()},
    BulkAction.ARCHIVE: (ARCHIVABLE, "archived"),
    BulkAction.RESTORE: ({Status.ARCHIVED}, "restored"),
    BulkAction.DELETE: (frozenset(Status) - {Status.GENERATING}, "deleted"),
}
AUDITED = {
    BulkAction.APPROVE: Action.APPROVE,
    BulkAction.REJECT: Action.REJECT,
    BulkAction.NEEDS_REVISION: Action.SEND_BACK,
    BulkAction.ARCHIVE: Action.ARCHIVE,
    BulkAction.RESTORE: Action.RESTORE,
    BulkAction.DELETE: Action.REMOVE,
}
# `before` is what undoing restores: the same fields as for one conversation, with ids and moments as text.
INSERT_DECISIONS = f"""
INSERT INTO conversation_decisions (id, workspace_id, created_by_id, conversation_id, who_name, on_behalf_of, from_status,
                                    to_status, note, reasons, revision, before)
SELECT gen_random_uuid(), c.workspace_id, %(by)s, c.id, %(name)s, '', c.status,
       %(to)s, %(note)s, %(reasons)s, c.revision + 1,
       jsonb_build_object({", ".join(f"'{name}', c.{name}" for name in REVIEW_FIELDS)})
  FROM conversations c WHERE c.id = ANY(%(ids)s)
"""  # noqa: S608  the names are constants


class TooMany(ValueError):
    """More conversations than an action takes at once."""

    def __init__(self, most: int) -> None:
        super().__init__(f"At most {most:,} conversations at once. Narrow the filter, or go in steps.")


class CannotFindAll(ValueError):
    """A filter that leaves it open which conversations are meant: nothing is done with "all that match"."""


class UnreadableFilter(CannotFindAll):
    """A filter with a part that cannot be read. Acting without that part would act on more than was asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"The filter cannot be read ({', '.join(names)}). Correct it, or remove it, first.")


class TooCommon(CannotFindAll):
    """A search that could not go through all conversations. Acting on what it found would leave out others by chance."""

    def __init__(self) -> None:
        super().__init__(
            "The text that is searched for is in too many conversations, or too short to find all of them. "
            "Search for more of it, or narrow the filter."
        )


@dataclass(frozen=True)
class Skipped:
    id: UUID
    error: str


@dataclass(frozen=True)
class BulkResult:
    changed: int
    skipped: list[Skipped]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What the decision about a locked row needs of it."""

    id: UUID
    root_id: UUID
    workspace_id: UUID
    status: str
    status_before_archive: str
    is_head: bool
    revision: int
    decided: bool


@transaction.atomic
def decide_chosen(
    rows: ConversationQuerySet,
    ids: Iterable[UUID],
    action: BulkAction,
    *,
    by: User | None,
    note: str = "",
    reasons: Sequence[ReasonCode] = (),
    revisions: Mapping[UUID, int] | None = None,
) -> BulkResult:
    """Act on the conversations with these ids, at most 10,000, of those in `rows`: the ones that the person may see.

    `revisions` are those that the person saw; a conversation that has another one by now is left out. Raises TooMany.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST_AT_ONCE:
        raise TooMany(MOST_AT_ONCE)
    locked = _lock(rows.filter(pk__in=wanted))
    there = {row.id for row in locked}
    missing = [Skipped(key, NOT_THERE) for key in wanted if key not in there]
    found = _act(locked, action, by=by, note=note, reasons=reasons, revisions=revisions or {})
    return BulkResult(found.changed, [*missing, *found.skipped])


@transaction.atomic
def decide_matching(
    rows: ConversationQuerySet,
    count: int,
    action: BulkAction,
    *,
    by: User | None,
    note: str = "",
    reasons: Sequence[ReasonCode] = (),
) -> BulkResult:
    """Act on all of `rows`, which a filter has found. `count` is the number that the person confirmed.

    Raises CountChanged when they are another number by now, TooMany when they are more than 10,000.
    """
    locked = _lock(rows)
    if len(locked) > MOST_AT_ONCE:
        raise TooMany(MOST_AT_ONCE)
    if len(locked) != count:
        raise CountChanged(len(locked))
    return _act(locked, action, by=by, note=note, reasons=reasons, revisions={})


def _lock(rows: ConversationQuerySet) -> list[_Row]:
    """Lock the rows, one more than allowed at most. In the order of their ids, so that two bulks cannot block each other.

    PostgreSQL checks the condition again on each row that somebody else has changed while this waited for its lock.
    """
    names = ("id", "root_id", "workspace_id", "status", "status_before_archive", "is_head", "revision")
    found = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
    values = found.values(*names, "decided_at")[: MOST_AT_ONCE + 1]
    return [_Row(decided=row.pop("decided_at") is not None, **row) for row in values]


def _act(
    locked: list[_Row],
    action: BulkAction,
    *,
    by: User | None,
    note: str,
    reasons: Sequence[ReasonCode],
    revisions: Mapping[UUID, int],
) -> BulkResult:
    mine = _find_workspaces(action, by)
    chosen, skipped = [], []
    for row in locked:
        error = _refuse(row, action, mine=mine, revision=revisions.get(row.id, row.revision))
        if error:
            skipped.append(Skipped(row.id, error))
        else:
            chosen.append(row)
    if action == BulkAction.DELETE:
        _delete(chosen)
    else:
        _move(chosen, action, by=by, note=note, reasons=reasons)
    _record(chosen, action, by=by)
    return BulkResult(len(chosen), skipped)


def _find_workspaces(action: BulkAction, by: User | None) -> Collection[UUID] | None:
    """The workspaces in which this person may do this; None means all of them."""
    if by is None:
        return None
    roles = Membership.REVIEWERS if action in DECIDES else Membership.EDITORS
    return {place.workspace for place in list_places(by) if place.role in roles}


def _refuse(row: _Row, action: BulkAction, *, mine: Collection[UUID] | None, revision: int) -> str:
    """Why this row is left out, in the words of the same action on one conversation. Empty: it is not."""
    possible, verb = POSSIBLE[action]
    if mine is not None and row.workspace_id not in mine:
        return ROLE_TOO_LOW
    if not row.is_head:
        return str(Superseded("conversation"))
    if row.revision != revision:
        return str(StaleRevision("conversation"))
    if row.status not in possible:
        return str(StaleState("conversation", verb=verb, status=row.status))
    if row.decided and row.status == DECIDES.get(action):
        return f"This conversation is {verb} already."
    return ""


def _move(
    chosen: list[_Row], action: BulkAction, *, by: User | None, note: str, reasons: Sequence[ReasonCode]
) -> None:
    """Rows that come from the same status go together: they get the same values."""
    groups: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for row in chosen:
        groups[row.status, row.status_before_archive].append(row.id)
    for (status, before), ids in groups.items():
        to, fields = _plan(action, Status(status), before, by=by, note=note)
        said: dict[str, Any] = {"by": by and by.pk, "name": name_person(by), "note": note}
        said["reasons"] = [str(reason.value) for reason in reasons]
        with connection.cursor() as cursor:
            cursor.execute(INSERT_DECISIONS, {"ids": ids, "to": to.value, **said})
        Conversation.objects.filter(pk__in=ids).update(status=to, revision=F("revision") + 1, **fields)


def _plan(
    action: BulkAction, status: Status, before: str, *, by: User | None, note: str
) -> tuple[Status, dict[str, Any]]:
    if action == BulkAction.ARCHIVE:
        return Status.ARCHIVED, plan_archiving(status)
    if action == BulkAction.RESTORE:
        return plan_restoring(before)
    return DECIDES[action], plan_decision(DECIDES[action], person=by, note=note)


def _delete(chosen: list[_Row]) -> None:
    """For good, with every version, as `conversations.changes.delete_for_good` does."""
    Conversation.objects.filter(root__in=[row.root_id for row in chosen]).delete()


def _record(chosen: list[_Row], action: BulkAction, *, by: User | None) -> None:
    """One entry in the log of each workspace: the decisions themselves name every conversation."""
    for workspace, count in Counter(row.workspace_id for row in chosen).items():
        record(
            action=AUDITED[action],
            kind=TargetKind.CONVERSATION,
            by=by,
            name=f"{count:,} conversation{'' if count == 1 else 's'}",
            workspace=workspace,
            after={"conversations": count},
        )
