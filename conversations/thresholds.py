"""The two scores of a workspace that route a new conversation: below the first it needs revision, below the second review.

A change routes what waits in the review queue anew. What a person has decided never moves.
"""

from decimal import Decimal
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connection, transaction

from conversations.quality import KINDS
from conversations.states import AWAITING_REVIEW
from lib.count_changed import CountChanged
from workspaces.audit import find_differences, record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

# The statuses as scoring gives them, for the rows of the review queue: a hard flag, an object or a bare word, means review.
ROUTES = """
SELECT id, status AS before,
       CASE WHEN flag_count > 0 AND EXISTS (SELECT FROM jsonb_array_elements(flags) f
                                             WHERE coalesce(f->>'kind', f #>> '{}') = ANY(%(hard)s))
                 THEN 'pending_review'
            WHEN quality_score < %(revision_below)s THEN 'needs_revision'
            WHEN quality_score < %(review_below)s THEN 'pending_review'
            ELSE 'generated' END AS after
  FROM conversations
 WHERE workspace_id = %(workspace)s AND is_head AND decided_at IS NULL AND status = ANY(%(awaiting)s)
   AND quality_score IS NOT NULL
"""
COUNT = f"SELECT count(*) FROM ({ROUTES}) r WHERE before <> after"  # noqa: S608  constants alone
# The conditions stand again outside: somebody may decide about a row while this waits for its lock.
REROUTE = f"""
WITH routes AS ({ROUTES}),
     moved AS (UPDATE conversations c SET status = r.after FROM routes r
                WHERE c.id = r.id AND r.before <> r.after
                  AND c.is_head AND c.decided_at IS NULL AND c.status = r.before
               RETURNING r.before, r.after)
SELECT before, after, count(*) FROM moved GROUP BY before, after ORDER BY before, after
"""  # noqa: S608


class Thresholds(NamedTuple):
    """Scores from 0 to 10 with one decimal place; the first is not above the second."""

    revision_below: Decimal
    review_below: Decimal

    @classmethod
    def of(cls, workspace: UUID) -> Self:
        """Those in force. One query."""
        return cls(*Workspace.objects.values_list(*cls._fields).get(pk=workspace))


OF_NEW_WORKSPACES = Thresholds(Decimal("6.0"), Decimal("8.0"))


def count_moves(workspace: Workspace, wanted: Thresholds) -> int:
    """How many conversations of the review queue would get another status."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _values(workspace, wanted))
        return int(cursor.fetchone()[0])


@transaction.atomic
def change_thresholds(
    *, workspace: Workspace, wanted: Thresholds, by: User | None, count: int | None = None
) -> int:
    """Change them, route the review queue by them, and return how many conversations have moved.

    `count` is the number that the person confirmed. Raises CountChanged when another number would move by now.
    """
    rows = Workspace.objects.filter(pk=workspace.pk)
    stored = rows.select_for_update(no_key=True).values(*Thresholds._fields).get()
    before, after = find_differences(stored, wanted._asdict())
    if not after:
        return 0
    rows.update(**after)
    with connection.cursor() as cursor:
        cursor.execute(REROUTE, _values(workspace, wanted))
        moves: dict[str, int] = {f"{old}_to_{new}": number for old, new, number in cursor.fetchall()}
    moved = sum(moves.values())
    if count is not None and moved != count:
        raise CountChanged(moved)  # which takes everything back
    record(
        action=Action.CHANGE,
        kind=TargetKind.WORKSPACE,
        target=workspace,
        by=by,
        before=before,
        after={**after, **moves},
    )
    return moved


def _values(workspace: Workspace, wanted: Thresholds) -> dict[str, Any]:
    return {
        **wanted._asdict(),
        "workspace": workspace.pk,
        "awaiting": [status.value for status in sorted(AWAITING_REVIEW)],
        "hard": [kind.name for kind in KINDS.values() if kind.hard],
    }
