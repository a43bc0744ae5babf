"""Compare a stored conversation with the others of its workspace, and flag the later one of two that are nearly the same.

It happens after the commit, when everything that was committed before can be seen. Two that are stored at the same moment look
after both commits at the latest, so at least one of them finds the other. The engine repeats it for those whose process has
ended in between (`list_not_compared`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
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
from lib.statements import update
from workspaces.audit import record
from workspaces.states import Action, TargetKind

NEAR_DUPLICATE = "near_duplicate"
MOST_COMPARED = 8  # candidates whose texts are read, those with the most bands in common
MOST_SIMILAR = (
    200  # candidates whose bands are counted, so that a thousand copies do not make each other slow
)
OWN = """
SELECT c.id, c.conversation_id, c.created_at, c.workspace_id, c.root_id, c.bands, c.content_hash
  FROM conversations c
 WHERE c.id = %(key)s
"""
# An earlier one with the same text is as alike as can be. Of thousands any few will do.
FIND_COPY = """
SELECT found.id, found.conversation_id, found.created_at
  FROM (SELECT c.id, c.conversation_id, c.created_at
          FROM conversations c
         WHERE c.workspace_id = %(workspace)s AND c.content_hash = %(hash)s AND c.content_hash <> ''
           AND c.root_id <> %(root)s AND c.is_head AND c.status <> 'archived'
           AND (c.created_at, c.id) < (%(created_at)s, %(key)s)
         LIMIT 20) AS found
 ORDER BY found.created_at, found.id
 LIMIT 1
"""
# The planner thinks that a list of 32 numbers overlaps with 15% of all rows, and would read the whole table; of one that it
# does not know yet, as that of a subquery, it thinks 1%. Behind row level security the planner cannot use this index, so the lookup names its workspace itself and stands here alone.
FIND_CANDIDATES = """
SELECT found.id, found.conversation_id, found.created_at
  FROM (SELECT c.id, c.conversation_id, c.created_at, c.bands
          FROM conversations c
         WHERE c.workspace_id = %(workspace)s AND c.bands && (SELECT %(bands)s::int[])
           -- its own chain is no other conversation
           AND c.root_id <> %(root)s AND c.is_head AND c.status <> 'archived'
         LIMIT %(similar)s) AS found
 -- the number of bands in common
 ORDER BY cardinality(ARRAY(SELECT unnest(found.bands) INTERSECT SELECT unnest(%(bands)s::int[]))) DESC,
          found.created_at, found.id
 LIMIT %(most)s
"""
# Most conversations have no near-duplicate. For them this is the only change, and none of its columns is indexed.
NOTE_COMPARED = """
UPDATE conversations
   SET quality_metrics = quality_metrics || jsonb_build_object('uniqueness', %(uniqueness)s::float8), compared_at = clock_timestamp()
 WHERE id = %(key)s
"""


class Candidate(NamedTuple):
    """Another conversation that may be nearly the same. `name`: its human id."""

    key: UUID
    name: str
    created_at: datetime


class _Own(NamedTuple):
    """The conversation that is compared."""

    key: UUID
    name: str
    created_at: datetime
    workspace: UUID
    root: UUID
    bands: list[int] | None
    text_hash: str


def compare_after_commit(key: UUID) -> None:
    """Compare this conversation when the transaction has been committed. A failure then is logged; the engine repeats it."""
    transaction.on_commit(partial(compare, key), robust=True)


def compare(key: UUID) -> list[UUID]:
    """Flag the later one of this conversation and each that is nearly the same. Returns the keys of those others.

    Safe to repeat. A conversation that is gone, or has no bands, is not compared. Where an earlier one has the same text, it is the
    only one returned: whoever is like this one is like that one too, and is flagged when that one is compared, or its own copy.
    """
    own = _read_own(key)
    if own is None or not own.bands:
        return []
    if copy := _find_copy(own):
        likeness = {copy: 1.0}
    else:
        found = find_candidates(own.workspace, bands=own.bands, root=own.root)
        likeness = _measure(key, found)
    near = {each: alike for each, alike in likeness.items() if alike >= NEAR}
    for later, earlier, alike in _order(own, near):
        _flag(later, earlier, alike)
    _note_compared(key, max(likeness.values(), default=0.0))
    return [each.key for each in near]


def _read_own(key: UUID) -> _Own | None:
    with connection.cursor() as cursor:
        cursor.execute(OWN, {"key": key})
        row = cursor.fetchone()
    return _Own(*row) if row else None


def _find_copy(own: _Own) -> Candidate | None:
    values: dict[str, Any] = {
        "workspace": own.workspace,
        "hash": own.text_hash,
        "root": own.root,
        "created_at": own.created_at,
        "key": own.key,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIND_COPY, values)
        row = cursor.fetchone()
    return Candidate(*row) if row else None


def find_candidates(workspace: UUID, *, bands: Sequence[int], root: UUID) -> list[Candidate]:
    """Newest versions of other conversations of this workspace that share a band, at most `MOST_COMPARED`."""
    values: dict[str, Any] = {
        "workspace": workspace,
        "bands": list(bands),
        "root": root,
        "similar": MOST_SIMILAR,
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


def _measure(key: UUID, candidates: Sequence[Candidate]) -> dict[Candidate, float]:
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
    return {each: compute_likeness(own, read_shingles(texts[each.key])) for each in candidates}


def _order(own: _Own, near: Mapping[Candidate, float]) -> list[tuple[UUID, Candidate, float]]:
    """For each that is the later one of a pair: its key, the earlier one that it is most like, and how alike they are."""
    itself = Candidate(own.key, own.name, own.created_at)
    found: dict[UUID, tuple[UUID, Candidate, float]] = {}
    for other, alike in sorted(near.items(), key=lambda pair: -pair[1]):
        earlier, later = sorted((itself, other), key=lambda each: (each.created_at, each.key))
        found.setdefault(later.key, (later.key, earlier, alike))
    return list(found.values())


def _flag(later: UUID, earlier: Candidate, alike: float) -> None:
    """Flag a conversation once: the flag names the one that it is most like. It moves only while nobody has decided about it."""
    rows = Conversation.objects.filter(pk=later, is_head=True)
    # Looked at before it is locked: of copies that were stored at the same moment, each finds most of the others flagged.
    seen = rows.values_list("flags", flat=True).first()
    if seen is None or _has_flag(read_flags(seen), alike):
        return
    with transaction.atomic():
        row = rows.select_for_update(no_key=True).first()
        if row is None or _has_flag(flags := read_flags(row.flags), alike):
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
        update(Conversation, later, changes)


def _has_flag(flags: Sequence[Flag], alike: float) -> bool:
    """Whether these name one that is as alike, or more."""
    return any(flag.kind == NEAR_DUPLICATE and _read_likeness(flag) >= round(alike, 2) for flag in flags)


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
    with connection.cursor() as cursor:
        cursor.execute(NOTE_COMPARED, {"key": key, "uniqueness": compute_uniqueness(most_alike)})
