"""Human ids: `fp_<persona-slug>_<###>`, unique in a workspace, with gaps allowed."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.text import slugify

from workspaces.models import Workspace

SLUG_LENGTH = 60

# One row per slug holds the next number. Concurrent plans take the slugs in one order, else they deadlock.
TAKE = """
INSERT INTO conversations_idcounter (workspace_id, slug, next_number)
SELECT %(workspace)s, slug, 1 + n FROM unnest(%(slugs)s::text[], %(counts)s::int[]) AS wanted(slug, n) ORDER BY slug COLLATE "C"
ON CONFLICT (workspace_id, slug) DO UPDATE SET next_number = conversations_idcounter.next_number + excluded.next_number - 1
RETURNING slug, next_number
"""


def slug_of(persona: str) -> str:
    """The persona's part of an id; no persona is `general`."""
    return slugify(persona).replace("-", "_")[:SLUG_LENGTH].strip("_") or "general"


def take_ids(workspace: Workspace, personas: Sequence[str]) -> list[str]:
    """One new id for each persona, in order. Numbers have at least three digits."""
    known = {persona: slug_of(persona) for persona in set(personas)}
    slugs = [known[persona] for persona in personas]
    next_numbers = _take(workspace, Counter(slugs))
    ids = []
    for slug in slugs:
        ids.append(f"{workspace.id_prefix}_{slug}_{next_numbers[slug]:03d}")
        next_numbers[slug] += 1
    return ids


def _take(workspace: Workspace, counts: Counter[str]) -> dict[str, int]:
    """The first number of each slug; as many as it counts are taken."""
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "slugs": list(counts.keys()),
        "counts": list(counts.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        return {slug: after - counts[slug] for slug, after in cursor.fetchall()}
