"""The two scores of a workspace that route a new conversation: below the first it needs revision, below the second review.

A change routes what waits in the review queue anew, by a background job. What a person has decided never moves; an approved
conversation that falls below a raised threshold is marked as flagged since the decision.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connection, transaction

from background.actions import add_job
from background.models import BackgroundJob
from conversations.quality import KINDS
from conversations.states import AWAITING_REVIEW
from lib.count_changed import CountChanged
from workspaces.audit import find_differences, record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

REROUTE = "reroute"
# A hard flag, an object or a bare word.
HARD = """(flag_count > 0 AND EXISTS (SELECT FROM jsonb_array_elements(flags) f
                          WHERE coalesce(f->>'kind', f #>> '{{}}') = ANY(%(hard)s)))"""
# The rows of the review queue to which scoring would give another status by now, with that status as `route`.
MOVED = f"""
SELECT {{columns}}
  FROM conversations c
 CROSS JOIN LATERAL (SELECT CASE WHEN {HARD} THEN 'pending_review'
                                 WHEN quality_score < %(revision_below)s THEN 'needs_revision'
                                 WHEN quality_score < %(review_below)s THEN 'pending_review'
                                 ELSE 'generated' END AS route) r
 WHERE workspace_id = %(workspace)s AND is_head AND decided_at IS NULL AND status = ANY(%(awaiting)s)
   AND quality_score IS NOT NULL AND status <> route
"""  # noqa: S608  constants alone
# The approved ones that fall below a threshold which they were above before. A hard flag goes before any score.
MARKED = f"""
SELECT {{columns}} FROM conversations
 WHERE workspace_id = %(workspace)s AND is_head AND status = 'approved' AND NOT flagged_since_decision
   AND ((quality_score < %(revision_below)s AND quality_score >= %(old_revision_below)s)
        OR (quality_score < %(review_below)s AND quality_score >= %(old_review_below)s))
   AND NOT {HARD}
"""  # noqa: S608


class Thresholds(NamedTuple):
    """Scores from 0 to 10 with one decimal place; the first is not above the second."""

    revision_below: Decimal
    review_below: Decimal

    @classmethod
    def of(cls, workspace: UUID) -> Self:
        """Those in force. One query."""
        return cls(*Workspace.objects.values_list(*cls._fields).get(pk=workspace))

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> Self:
        """Those that `write` has written."""
        return cls(*(Decimal(stored[name]) for name in cls._fields))

    def write(self) -> dict[str, str]:
        """As JSON."""
        return {name: str(value) for name, value in self._asdict().items()}


OF_NEW_WORKSPACES = Thresholds(Decimal("6.0"), Decimal("8.0"))


def count_moves(workspace: Workspace, wanted: Thresholds) -> int:
    """How many conversations of the review queue would get another status."""
    return _count(MOVED, list_query_values(workspace.pk, wanted, before=wanted))


def count_marks(workspace: Workspace, wanted: Thresholds) -> int:
    """How many approved conversations would be marked as flagged since the decision. None of them moves."""
    return _count(MARKED, list_query_values(workspace.pk, wanted, before=Thresholds.of(workspace.pk)))


@transaction.atomic
def change_thresholds(
    *, workspace: Workspace, wanted: Thresholds, by: User | None, count: int | None = None
) -> BackgroundJob | None:
    """Change them, and start the job that routes the review queue by them. None when it has nothing to do.

    `count` is the number that the person confirmed. Raises CountChanged when another number would move by now.
    """
    rows = Workspace.objects.filter(pk=workspace.pk)
    stored = rows.select_for_update(no_key=True).values(*Thresholds._fields).get()
    before, after = find_differences(stored, wanted._asdict())
    if not after:
        return None
    moves, marks = count_moves(workspace, wanted), count_marks(workspace, wanted)
    if count is not None and moves != count:
        raise CountChanged(moves)
    rows.update(**after)
    record(
        action=Action.CHANGE,
        kind=TargetKind.WORKSPACE,
        target=workspace,
        by=by,
        before=before,
        after={**after, "to_move": moves},
    )
    if not moves and not marks:
        return None
    return add_job(
        REROUTE,
        workspace=workspace,
        by=by,
        name=_name_job(moves, marks),
        parameters={"before": Thresholds(**stored).write()},
        total=moves + marks,
    )


def _name_job(moves: int, marks: int) -> str:
    if moves:
        return f"Move {moves:,} conversation{'' if moves == 1 else 's'} by changed thresholds"
    return f"Mark {marks:,} approved conversation{'' if marks == 1 else 's'} below changed thresholds"


def list_query_values(workspace: UUID, wanted: Thresholds, *, before: Thresholds) -> dict[str, Any]:
    """The values of `MOVED` and `MARKED`: the thresholds that apply, and those that applied before."""
    return {
        **wanted._asdict(),
        **{f"old_{name}": value for name, value in before._asdict().items()},
        "workspace": workspace,
        "awaiting": [status.value for status in sorted(AWAITING_REVIEW)],
        "hard": [kind.name for kind in KINDS.values() if kind.hard],
    }


def _count(query: str, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({query.format(columns='1')}) found", values)  # noqa: S608
        return int(cursor.fetchone()[0])
