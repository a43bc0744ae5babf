"""Freeze an export: note which version of which conversation is in it, at which place, in which split, and the hash of its text.

From then on nothing that people do changes what the files hold. Turns of a version never change, so its key is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from background.running import RunningJob
from conversations.models import Conversation
from exports.models import Export, ExportItem
from exports.running.facts import describe_items
from exports.selection.finding import (
    Wanted,
    find_conversations,
    find_superseded,
    list_exported_pairs,
)
from exports.selection.grouping import read_alike
from exports.selection.splitting import Choice, Shares, cap_cells, choose_split, find_group
from workspaces.models import ClockTimestamp

AT_ONCE = 2_000  # conversations in a step
MOST_NAMED = 20
# The hash of a version: that of the hashes of its turns, each with its role, in order.
HASH = """
encode(sha256(convert_to(coalesce((
    SELECT string_agg(encode(sha256(convert_to(t.role || ' ' || t.content, 'UTF8')), 'hex'), '' ORDER BY t.turn_number)
      FROM conversation_turns t WHERE t.conversation_id = {of}.id), ''), 'UTF8')), 'hex')
"""
HASHES = f"SELECT c.id, {HASH.format(of='c')} FROM conversations c WHERE c.id = ANY(%(keys)s)"  # noqa: S608
FREEZE = f"""
INSERT INTO export_items (id, workspace_id, created_by_id, export_id, position, conversation_id, other_id, version,
                          content_hash, "group", split, label, status, score)
SELECT gen_random_uuid(), %(workspace)s, %(by)s, %(export)s, g.position, c.id, o.id, c.version,
       -- of a pair both texts count
       CASE WHEN o.id IS NULL THEN g.hash
            ELSE encode(sha256(convert_to(g.hash || {HASH.format(of="o")}, 'UTF8')), 'hex') END,
       g.together, g.split, CASE WHEN %(labels)s THEN c.status = 'approved' END, c.status,
       coalesce(c.score_override, c.quality_score)
  FROM unnest(%(positions)s::int[], %(keys)s::uuid[], %(others)s::uuid[], %(hashes)s::text[], %(groups)s::uuid[],
              %(splits)s::text[], %(statuses)s::text[]) AS g (position, key, other, hash, together, split, status)
  -- what has been decided about again since it was found, or has a newer version, is left out
  JOIN conversations c ON c.id = g.key AND c.is_head AND c.status = g.status
  LEFT JOIN conversations o ON o.id = g.other
 WHERE g.other IS NULL OR o.id IS NOT NULL
"""  # noqa: S608  constants alone


class _Found(NamedTuple):
    key: UUID
    root: UUID
    tier: str
    persona: str
    status: str


class _Row(NamedTuple):
    """What is to be stored of an item; `other` is None but for pairs."""

    position: int
    key: UUID
    other: UUID | None
    hash: str
    group: UUID
    split: str
    status: str


def freeze(job: RunningJob, export: Export) -> None:
    """Store the items of an export and its counts. It begins anew when it was broken off. Raises TooCommon, Ended."""
    with job.step() as step:
        ExportItem.objects.filter(export=export).delete()
        step.place = {}
    wanted = Wanted.of(export)
    found = [
        _Found(*values)
        for values in find_conversations(wanted)
        .order_by("created_at", "pk")
        .values_list("pk", "root", "tier", "persona", "status")
    ]
    job.set_total(4 * len(found))
    rows, capped = _arrange(export, found, wanted, _hash_all(job, found))
    for at in range(0, len(rows), AT_ONCE):
        some = rows[at : at + AT_ONCE]
        with job.step(gives_way=False) as step:
            _store(export, some, labels=wanted.takes == "decisions")
            step.done = len(some)
    with job.step(gives_way=False):
        superseded = find_superseded(wanted)
        named = superseded.order_by("conversation_id").values_list("pk", "conversation_id")[:MOST_NAMED]
        export.counts = {
            **describe_items(export),
            "left_out_by_cell": capped,
            "superseded": superseded.count(),
            "superseded_named": [{"id": str(key), "name": name} for key, name in named],
        }
        # With nothing in it it may be tried again later.
        frozen_at = ClockTimestamp() if export.item_count else None
        Export.objects.filter(pk=export.pk).update(frozen_at=frozen_at, counts=export.counts)
    export.refresh_from_db(fields=["frozen_at", "counts"])


def _hash_all(job: RunningJob, found: Sequence[_Found]) -> dict[UUID, str]:
    """The hash of each version."""
    hashes: dict[UUID, str] = {}
    for at in range(0, len(found), AT_ONCE):
        keys = [each.key for each in found[at : at + AT_ONCE]]
        with job.step(gives_way=False) as step, connection.cursor() as cursor:
            cursor.execute(HASHES, {"keys": keys})
            hashes.update(cursor.fetchall())
            step.done = len(keys)
    return hashes


def _arrange(
    export: Export, found: Sequence[_Found], wanted: Wanted, hashes: Mapping[UUID, str]
) -> tuple[list[_Row], int]:
    """The rows in the order of the files, and how many conversations were left out because their cell is full."""
    alike = _add_same(found, hashes, read_alike(export.workspace_id))
    groups = {each.key: find_group(each.root, alike) for each in found}
    kept = groups.keys()
    if export.most_per_cell is not None:
        choices = (Choice(each.key, groups[each.key], (each.tier, each.persona.casefold())) for each in found)
        kept = cap_cells(choices, export.most_per_cell, seed=export.seed)  # type: ignore[assignment]
    shares = Shares(validation=export.validation_percent, test=export.test_percent, seed=export.seed)
    stays = [each for each in found if each.key in kept and each.key in hashes]
    rows = []
    for position, (each, other) in enumerate(_pair(stays, wanted), start=1):
        group = groups[each.key]
        split = choose_split(group, shares).value
        rows.append(_Row(position, each.key, other, hashes[each.key], group, split, each.status))
    return rows, len(found) - len(stays)


def _add_same(
    found: Sequence[_Found], hashes: Mapping[UUID, str], alike: Mapping[UUID, UUID]
) -> Mapping[UUID, UUID]:
    """The same, with those whose turns are exactly those of an earlier one that is exported: not all have been compared."""
    first: dict[str, UUID] = {}
    added = dict(alike)
    for each in found:
        earlier = first.setdefault(hashes.get(each.key, str(each.key)), each.root)
        if earlier != each.root:
            added.setdefault(each.root, earlier)
    return added


def _pair(found: Sequence[_Found], wanted: Wanted) -> Iterator[tuple[_Found, UUID | None]]:
    """Each conversation by itself, or with each version that another one has replaced, the oldest first."""
    if wanted.takes != "pairs":
        yield from ((each, None) for each in found)
        return
    known = list_exported_pairs(wanted.since) if wanted.since else set()
    for at in range(0, len(found), AT_ONCE):
        some = found[at : at + AT_ONCE]
        others = Conversation.objects.filter(
            root__in=[each.root for each in some], is_head=False, turn_count__gt=0
        )
        if not wanted.simulated:
            others = others.filter(simulated=False)
        versions: dict[UUID, list[UUID]] = {}
        for root, key in others.order_by("root", "version").values_list("root", "pk"):
            versions.setdefault(root, []).append(key)
        for each in some:
            for other in versions.get(each.root, []):
                if (each.key, other) not in known:
                    yield each, other


def _store(export: Export, rows: Sequence[_Row], *, labels: bool) -> None:
    columns: dict[str, Any] = {
        "positions": [row.position for row in rows],
        "keys": [row.key for row in rows],
        "others": [row.other for row in rows],
        "hashes": [row.hash for row in rows],
        "groups": [row.group for row in rows],
        "splits": [row.split for row in rows],
        "statuses": [row.status for row in rows],
    }
    about = {"workspace": export.workspace_id, "by": export.created_by_id, "export": export.pk}
    with connection.cursor() as cursor:
        cursor.execute(FREEZE, {**columns, **about, "labels": labels})
