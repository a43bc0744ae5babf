"""Ids for people: `fp_<persona-slug>_<###>`. They are unique in a workspace and may have gaps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Collate
from django.utils.text import slugify

from conversations.models import IdCounter
from workspaces.models import Workspace

SLUG_LENGTH = 60
MOST_DIGITS = 6  # of a number that a file may bring

TAKE = """
-- One row per slug holds the next number. A new slug starts at 1.
INSERT INTO conversations_idcounter (workspace_id, slug, next_number)
SELECT %(workspace)s, slug, 1 + n FROM unnest(%(slugs)s::text[], %(counts)s::int[]) AS wanted(slug, n)
-- Concurrent plans must lock the slugs in the same order, or they deadlock.
ORDER BY slug COLLATE "C"
-- A known slug moves on by as many numbers as are taken.
ON CONFLICT (workspace_id, slug)
DO UPDATE SET next_number = conversations_idcounter.next_number + excluded.next_number - 1
RETURNING slug, next_number
"""


def make_slug(persona: str) -> str:
    """The persona's part of an id; `general` without a persona."""
    return slugify(persona).replace("-", "_")[:SLUG_LENGTH].strip("_") or "general"


def take_ids(workspace: Workspace, personas: Sequence[str]) -> list[str]:
    """One new id for each persona, in order. Numbers have at least three digits."""
    known = {persona: make_slug(persona) for persona in set(personas)}
    slugs = [known[persona] for persona in personas]
    next_numbers = _take(workspace, Counter(slugs))
    ids = []
    for slug in slugs:
        ids.append(f"{workspace.id_prefix}_{slug}_{next_numbers[slug]:03d}")
        next_numbers[slug] += 1
    return ids


def _take(workspace: Workspace, counts: Counter[str]) -> dict[str, int]:
    """Take as many numbers of each slug as `counts` says, and return the first of each."""
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "slugs": list(counts.keys()),
        "counts": list(counts.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        return {slug: after - counts[slug] for slug, after in cursor.fetchall()}


def parse_id(text: str, *, prefix: str) -> tuple[str, int] | None:
    """The slug and the number of an id of the form that `take_ids` gives, up to 999,999; None for any other text."""
    begin, _, digits = text.rpartition("_")
    slug = begin.removeprefix(f"{prefix}_")
    if begin == slug or make_slug(slug) != slug or not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits) if len(digits) <= MOST_DIGITS else 0
    return (slug, number) if number and digits == f"{number:03d}" else None


@transaction.atomic
def reserve_ids(workspace: UUID, highest: Mapping[str, int]) -> dict[str, int]:
    """Let the counters of these slugs go on behind these numbers. Returns for each slug the first number never given before.

    Numbers from there on belong to the caller. A smaller one may be that of an item that waits to be generated.
    """
    fresh = [IdCounter(workspace_id=workspace, slug=slug) for slug in sorted(highest)]
    IdCounter.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = IdCounter.objects.filter(workspace=workspace, slug__in=list(highest))
    # In the order in which `TAKE` locks them.
    found = {row.slug: row for row in rows.select_for_update(no_key=True).order_by(Collate("slug", "C"))}
    first = {slug: row.next_number for slug, row in found.items()}
    for slug, row in found.items():
        if row.next_number <= highest[slug]:
            IdCounter.objects.filter(pk=row.pk).update(next_number=highest[slug] + 1)
    return first
