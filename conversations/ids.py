"""Human ids: `fp_<persona-slug>_<###>`, unique in a workspace, with gaps allowed."""

from collections import Counter
from collections.abc import Sequence

from django.db import connection
from django.utils.text import slugify

from workspaces.models import Workspace

SLUG_LENGTH = 60

# One row per slug holds the next number. Concurrent plans take the slugs in one order, else they deadlock.
TAKE = """
INSERT INTO conversations_idcounter (workspace_id, slug, next_number) VALUES (%(workspace)s, %(slug)s, 1 + %(n)s)
ON CONFLICT (workspace_id, slug) DO UPDATE SET next_number = conversations_idcounter.next_number + %(n)s
RETURNING next_number - %(n)s
"""


def slug_of(persona: str) -> str:
    """The persona's part of an id; no persona is `general`."""
    return slugify(persona).replace("-", "_")[:SLUG_LENGTH].strip("_") or "general"


def take_ids(workspace: Workspace, personas: Sequence[str]) -> list[str]:
    """One new id for each persona, in order. Numbers have at least three digits."""
    slugs = [slug_of(persona) for persona in personas]
    next_numbers = {slug: _take(workspace, slug, n) for slug, n in sorted(Counter(slugs).items())}
    ids = []
    for slug in slugs:
        ids.append(f"{workspace.id_prefix}_{slug}_{next_numbers[slug]:03d}")
        next_numbers[slug] += 1
    return ids


def _take(workspace: Workspace, slug: str, n: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"workspace": workspace.pk, "slug": slug, "n": n})
        first: int = cursor.fetchone()[0]
    return first
