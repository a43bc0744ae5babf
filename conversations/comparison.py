"""Compare a stored conversation with the others of its workspace, and flag the later one of two that are nearly the same.

It happens after the commit, when everything that was committed before can be seen. Two that are stored at the same moment look
after both commits at the latest, so at least one of them finds the other. The engine repeats it for those whose process has
ended in between (`list_not_compared`).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from conversations.models import Conversation, Turn
from conversations.parsing import TurnDraft
from conversations.quality import Flag, read_flags
from conversations.quality.flags import arrange
from conversations.quality.metrics import compute_uniqueness
from conversations.quality.near_duplicates import NEAR, compute_likeness, read_shingles
from conversations.states import Status
from workspaces.audit import record
from workspaces.models import ClockTimestamp
from workspaces.states import Action, TargetKind

NEAR_DUPLICATE = "near_duplicate"
MOST_COMPARED = 8  # candidates whose texts are read, those with the most bands in common
# The planner thinks that a list of 32 numbers overlaps with 15% of all rows, and would read the whole table; of one that it
# does not know yet, as that of a subquery, it thinks 1%. Behind row level security the planner cannot use this index, so the lookup names its workspace itself and stands here alone.
FIND_CANDIDATES = """
SELECT c.id, c.conversation_id, c.created_at
  FROM conversations c
 WHERE c.workspace_id = %(workspace)s AND c.bands && (SELECT %(bands)s::int[])
   -- its own chain is no other conversation
   AND c.root_id <> %(root)s AND c.is_head AND c.status <> 'archived'
 -- the number of bands in common
 ORDER BY cardinality(ARRAY(SELECT unnest(c.bands) INTERSECT SELECT unnest(%(bands)s::int[]))) DESC, c.created_at, c.id
 LIMIT %(most)s
"""


class Candidate(NamedTuple):
    """A conversation with at least one band in common. `name`: its human id."""

    key: UUID
    name: str
    created_at: datetime


def compare_after_commit(key: UUID) -> None:
    """Compare this conversation when the transaction has been committed. A failure then is logged; the engine repeats it."""
    transaction.on_commit(partial(compare, key), robust=True)


def compare(key: UUID) -> list[UUID]:
    """Flag the later one of this conversation and each that is nearly the same. Returns the keys of those others.

    Safe to repeat. A conversation that is gone, or has no bands, is not compared.
    """
    own = (
        Conversation.objects.filter(pk=key)
        .only("workspace_id", "root_id", "bands", "created_at", "conversation_id")
        .first()
    )
    if own is None or not own.bands:
        return []
    candidates = find_candidates(own.workspace_id, bands=own.bands, root=own.root_id)
    likeness = _measure(key, candidates)
    near = [each for each in candidates if likeness[each.key] >= NEAR]
    with transaction.atomic():
        for later, earlier, alike in _order(own, near, likeness):
            _flag(later, earlier, alike)
        _note_compared(key, max(likeness.values(), default=0.0))
    return [each.key for each in near]


def find_candidates(workspace: UUID, *, bands: Sequence[int], root: UUID) -> list[Candidate]:
    """Newest versions of other conversations of this workspace that share a band, at most `MOST_COMPARED`."""
    values: dict[str, Any] = {
        "workspace": workspace,
        "bands": list(bands),
        "root": root,
        "most": MOST_COMPARED,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIND_CANDIDATES, values)
        return [Candidate(*row) for row in cursor.fetchall()]


def list_not_compared(
    workspaces: Collection[UUID] | None, *, since: datetime | None, most: int
) -> list[UUID]:
    """Conversations that were stored and not compared, oldest first. `workspaces`: None for all; `since`: None for any time."""
    rows = Conversation.objects.filter(compared_at=None, bands__isnull=False)
    rows = rows if workspaces is None else rows.filter(workspace__in=workspaces)
    rows = rows if since is None else rows.filter(created_at__gte=since)
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:most])


def _measure(key: UUID, candidates: Sequence[Candidate]) -> dict[UUID, float]:
    """The likeness with each of the candidates, 0 to 1, by the texts of the turns."""
    if not candidates:
        return {}
    texts: dict[Any, list[TurnDraft]] = defaultdict(list)
    rows = Turn.objects.filter(conversation__in=[key, *(each.key for each in candidates)])
    for conversation, role, content in rows.order_by("conversation", "turn_number").values_list(
        "conversation", "role", "content"
    ):
        texts[conversation].append(TurnDraft(role, content))
    own = read_shingles(texts[key])
    return {each.key: compute_likeness(own, read_shingles(texts[each.key])) for each in candidates}


def _order(
    own: Conversation, near: Sequence[Candidate], likeness: dict[UUID, float]
) -> list[tuple[UUID, Candidate, float]]:
    """For each pair the later one, the earlier one and their likeness; in the order of the later ones, as they are locked."""
    itself = Candidate(own.pk, own.conversation_id, own.created_at)
    pairs = []
    for other in near:
        earlier, later = sorted((itself, other), key=lambda each: (each.created_at, each.key))
        pairs.append((later.key, earlier, likeness[other.key]))
    return sorted(pairs, key=lambda pair: (pair[0], -pair[2]))


def _flag(later: UUID, earlier: Candidate, alike: float) -> None:
    """Flag a conversation once: the flag names the one that it is most like. It moves only while nobody has decided about it."""
    row = Conversation.objects.select_for_update(no_key=True).filter(pk=later, is_head=True).first()
    if row is None:
        return
    flags = read_flags(row.flags)
    if any(flag.kind == NEAR_DUPLICATE and _read_likeness(flag) >= round(alike, 2) for flag in flags):
        return
    quote = f"{earlier.name}, likeness {alike:.2f}"
    others = [flag for flag in flags if flag.kind != NEAR_DUPLICATE]
    flags = arrange([*others, Flag(NEAR_DUPLICATE, None, quote, str(earlier.key))])
    changes: dict[str, Any] = {"flags": [flag.to_json() for flag in flags], "flag_count": len(flags)}
    if row.decided_at is not None:
        changes["flagged_since_decision"] = True
    elif row.status in (Status.GENERATED, Status.NEEDS_REVISION):
        changes["status"] = Status.PENDING_REVIEW
        _record_move(row, earlier)
    Conversation.objects.filter(pk=later).update(**changes)


def _record_move(row: Conversation, earlier: Candidate) -> None:
    record(
        action=Action.CHECK,
        kind=TargetKind.CONVERSATION,
        target=row,
        by=None,
        before={"status": row.status},
        after={"status": Status.PENDING_REVIEW, "near_duplicate_of": earlier.name},
    )


def _read_likeness(flag: Flag) -> float:
    try:
        return float(flag.quote.rpartition(" ")[2])
    except ValueError:
        return 0.0


def _note_compared(key: UUID, most_alike: float) -> None:
    row = Conversation.objects.select_for_update(no_key=True).filter(pk=key).only("quality_metrics").first()
    if row is None:
        return
    metrics = {**row.quality_metrics, "uniqueness": compute_uniqueness(most_alike)}
    Conversation.objects.filter(pk=key).update(quality_metrics=metrics, compared_at=ClockTimestamp())
