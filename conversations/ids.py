"""Ids for people: `fp_<persona-slug>_<###>`. They are unique in a workspace and may have gaps."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.text import slugify

from workspaces.models import Workspace

SLUG_LENGTH = 60

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
