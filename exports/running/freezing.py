"""Freeze an export: note which version of which conversation is in it, at which place, in which split, and the hash of its text.

From then on nothing that people do changes what the files hold. Turns of a version never change, so its key is enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from sys import intern
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from background.running import RunningJob
from conversations.models import Conversation
from conversations.quality import hash_turns
from exports.models import Export, ExportItem
from exports.running.facts import describe_items
from exports.running.reading import CHUNK, read_turns
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
FREEZE = """
INSERT INTO export_items (id, workspace_id, created_by_id, export_id, position, conversation_id, other_id, version,
                          content_hash, "group", split, label, status, score)
SELECT gen_random_uuid(), %(workspace)s, %(by)s, %(export)s, g.position, c.id, o.id, c.version,
       -- of a pair both texts count
       CASE WHEN o.id IS NULL THEN coalesce(nullif(c.content_hash, ''), g.hash)
            ELSE encode(sha256(convert_to(c.content_hash || o.content_hash, 'UTF8')), 'hex') END,
       g.together, g.split, CASE WHEN %(labels)s THEN c.status = 'approved' END, c.status,
       coalesce(c.score_override, c.quality_score)
  FROM unnest(%(positions)s::int[], %(keys)s::uuid[], %(others)s::uuid[], %(hashes)s::text[], %(groups)s::uuid[],
              %(splits)s::text[], %(statuses)s::text[]) AS g (position, key, other, hash, together, split, status)
  -- what has been decided about again since it was found, or has a newer version, is left out
  JOIN conversations c ON c.id = g.key AND c.is_head AND c.status = g.status
  LEFT JOIN conversations o ON o.id = g.other
 WHERE g.other IS NULL OR o.id IS NOT NULL
"""


class _Found(NamedTuple):
    """A conversation, in some 250 bytes. `content`: the first 60 bits of the hash of its turns."""

    key: UUID
    root: UUID
    tier: str
    persona: str
    status: str
    content: int


class _Row(NamedTuple):
    """What is to be stored of an item; `other` is None but for pairs, and `hash` empty where the conversation has its own."""

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
    found, missing = _find(wanted)
    groups = _find_groups(found, read_alike(export.workspace_id))
    stays = _cap(export, found, groups)
    job.set_total(3 * len(stays))  # stored, checked and written
    rows, stored = _make_rows(export, _pair(stays, wanted), groups, missing), 0
    while some := list(islice(rows, AT_ONCE)):
        with job.step(gives_way=False) as step:
            _store(export, some, labels=wanted.takes == "decisions")
            step.done = len(some)
        stored += len(some)
    job.set_total(3 * stored)  # a conversation may be in no pair, or in several
    with job.step(gives_way=False):
        superseded = find_superseded(wanted)
        named = superseded.order_by("conversation_id").values_list("pk", "conversation_id")[:MOST_NAMED]
        export.counts = {
            **describe_items(export),
            "left_out_by_cell": len(found) - len(stays),
            "superseded": superseded.count(),
            "superseded_named": [{"id": str(key), "name": name} for key, name in named],
        }
        # With nothing in it it may be tried again later.
        frozen_at = ClockTimestamp() if export.item_count else None
        Export.objects.filter(pk=export.pk).update(frozen_at=frozen_at, counts=export.counts)
    export.refresh_from_db(fields=["frozen_at", "counts"])


def _find(wanted: Wanted) -> tuple[list[_Found], dict[UUID, str]]:
    """The conversations in the order of the files, and the hashes of those that have not got one stored."""
    rows = find_conversations(wanted).order_by("created_at", "pk")
    unhashed = list(rows.filter(content_hash="").values_list("pk", flat=True))
    missing: dict[UUID, str] = {}
    while len(missing) < len(unhashed):
        keys = unhashed[len(missing) : len(missing) + CHUNK]
        missing.update(zip(keys, map(hash_turns, read_turns(keys)), strict=False))
    found = []
    names = ("pk", "root", "tier", "persona", "status", "content_hash")
    for key, root, tier, persona, status, stored in rows.values_list(*names).iterator(chunk_size=AT_ONCE):
        digest = stored or missing.get(key) or key.hex
        found.append(
            _Found(
                key,
                key if root == key else root,
                intern(tier),
                intern(persona),
                intern(status),
                int(digest[:15], 16),
            )
        )
    return found, missing


def _find_groups(found: Sequence[_Found], alike: Mapping[UUID, UUID]) -> Mapping[UUID, UUID]:
    """The group of each chain that is in another's group, by the key of the chain. All others are a group by themselves.

    Those whose turns are exactly those of an earlier one that is exported belong together, too: not all have been compared.
    """
    first: dict[int, UUID] = {}
    together = dict(alike)
    for each in found:
        earlier = first.setdefault(each.content, each.root)
        if earlier != each.root:
            together.setdefault(each.root, earlier)
    return {root: find_group(root, together) for root in together}


def _cap(export: Export, found: list[_Found], groups: Mapping[UUID, UUID]) -> list[_Found]:
    """Those that stay when no cell may have more than the export allows."""
    if export.most_per_cell is None:
        return found
    choices = (
        Choice(each.key, groups.get(each.root, each.root), (each.tier, each.persona.casefold()))
        for each in found
    )
    kept = cap_cells(choices, export.most_per_cell, seed=export.seed)
    return [each for each in found if each.key in kept]


def _make_rows(
    export: Export,
    pairs: Iterable[tuple[_Found, UUID | None]],
    groups: Mapping[UUID, UUID],
    hashes: Mapping[UUID, str],
) -> Iterator[_Row]:
    """The rows in the order of the files."""
    shares = Shares(validation=export.validation_percent, test=export.test_percent, seed=export.seed)
    for position, (each, other) in enumerate(pairs, start=1):
        group = groups.get(each.root, each.root)
        split = choose_split(group, shares).value
        yield _Row(position, each.key, other, hashes.get(each.key, ""), group, split, each.status)


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
