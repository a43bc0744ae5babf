"""A workspace's month: the sum that its budget is kept by. Months are UTC's; demo and real money never meet.

One row per workspace, month and demo or not. A call belongs to the month in which its log row was made, so a reply that
comes after midnight is booked where its reservation stands.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

DEMO_POOL = "demo:"  # whose pools begin so (batches.limits.pools)

# A row that is not there yet is made by the first call of the month.
MAKE_MONTH = """
INSERT INTO spending_months (id, workspace_id, month, demo)
SELECT gen_random_uuid(), l.workspace_id, date_trunc('month', l.created_at AT TIME ZONE 'UTC')::date, l.pool LIKE 'demo:%%'
  FROM generation_logs l WHERE l.id = %(log)s
ON CONFLICT DO NOTHING
"""
RESERVE = """
UPDATE spending_months m SET reserved = m.reserved + %(worst)s
  FROM workspaces_workspace w, generation_logs l
 WHERE l.id = %(log)s AND w.id = l.workspace_id AND m.workspace_id = l.workspace_id
   AND m.month = date_trunc('month', l.created_at AT TIME ZONE 'UTC')::date AND m.demo = (l.pool LIKE 'demo:%%')
   AND (w.monthly_budget_usd IS NULL OR m.spent + m.reserved + %(worst)s <= w.monthly_budget_usd)
"""
SETTLE = """
UPDATE spending_months SET spent = spent + %(spent)s, reserved = reserved - %(released)s
 WHERE workspace_id = %(workspace)s AND month = %(month)s AND demo = %(demo)s
"""
# Only when nothing of the workspace is in flight can no claim succeed any more.
PAUSE = """
UPDATE batch_jobs j SET status = 'paused', reason = 'month_budget', stopped_at = clock_timestamp(),
       worst_item_usd = greatest(j.worst_item_usd, %(worst)s)
  FROM workspaces_workspace w
  LEFT JOIN spending_months m ON m.workspace_id = w.id AND m.demo = %(demo)s
       AND m.month = date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date
 WHERE j.id = %(job)s AND w.id = j.workspace_id AND j.status IN ('queued', 'processing') AND j.in_flight = 0
   AND coalesce(m.reserved, 0) = 0 AND coalesce(m.spent, 0) + %(worst)s > w.monthly_budget_usd
"""


@dataclass(frozen=True, slots=True)
class Month:
    """Whose month a call belongs to."""

    workspace_id: UUID
    month: date
    demo: bool


def reserve(log_id: UUID, *, worst: Decimal) -> bool:
    """Set the worst case of a call aside; False when the workspace's budget of the month does not cover it."""
    values: dict[str, Any] = {"log": log_id, "worst": worst}
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, values)
        if cursor.rowcount == 0:
            cursor.execute(MAKE_MONTH, values)
            if cursor.rowcount:
                cursor.execute(RESERVE, values)
        return bool(cursor.rowcount == 1)


def settle(month: Month, *, spent: Decimal, released: Decimal) -> None:
    """Book what a move of a log has changed. Called after the job's own UPDATE: hot rows last."""
    values: dict[str, Any] = {
        "spent": spent,
        "released": released,
        "workspace": month.workspace_id,
        "month": month.month,
        "demo": month.demo,
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, values)


def pause_for_month(job_id: UUID, *, worst: Decimal, demo: bool) -> None:
    """Pause a job whose next call the month does not cover, once nothing of its workspace is in flight."""
    with connection.cursor() as cursor:
        cursor.execute(PAUSE, {"job": job_id, "worst": worst, "demo": demo})
