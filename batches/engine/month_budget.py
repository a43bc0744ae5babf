"""The monthly budget of a workspace: reserve the worst case of a call, book what it cost, pause what is over the budget.

`spending_months` has one row for each workspace, calendar month (UTC) and demo or real money. A call belongs to the month
in which its log row was made. A reply that arrives after midnight is therefore booked in the month that holds its
reservation.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

# The first call of a month makes its row.
MAKE_MONTH = """
INSERT INTO spending_months (id, workspace_id, month, demo)
SELECT gen_random_uuid(), l.workspace_id, date_trunc('month', l.created_at AT TIME ZONE 'UTC')::date, l.pool LIKE 'demo:%%'
  FROM generation_logs l WHERE l.id = %(log)s
ON CONFLICT DO NOTHING
"""
RESERVE = """
UPDATE spending_months m SET reserved = m.reserved + %(worst)s
  FROM workspaces_workspace w, generation_logs l
 -- the month that the log row belongs to
 WHERE l.id = %(log)s AND w.id = l.workspace_id AND m.workspace_id = l.workspace_id
   AND m.month = date_trunc('month', l.created_at AT TIME ZONE 'UTC')::date AND m.demo = (l.pool LIKE 'demo:%%')
   -- no budget, or one that covers this call at its worst
   AND (w.monthly_budget_usd IS NULL OR m.spent + m.reserved + %(worst)s <= w.monthly_budget_usd)
"""
SETTLE = """
UPDATE spending_months SET spent = spent + %(spent)s, reserved = reserved - %(released)s
 WHERE workspace_id = %(workspace)s AND month = %(month)s AND demo = %(demo)s
"""
# A job is paused only when no claim could succeed any more: a call in flight may still cost less than its reservation.
USED_UP = """
SELECT j.id
  FROM batch_jobs j JOIN workspaces_workspace w ON w.id = j.workspace_id
  -- the current month; without a row nothing has been spent in it
  LEFT JOIN spending_months m ON m.workspace_id = w.id AND m.demo = %(demo)s
       AND m.month = date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date
 WHERE j.id = %(job)s AND j.status IN ('queued', 'processing') AND j.in_flight = 0
   -- nothing of the workspace is in flight, and what is left does not cover the next call
   AND coalesce(m.reserved, 0) = 0 AND coalesce(m.spent, 0) + %(worst)s > w.monthly_budget_usd
   FOR NO KEY UPDATE OF j
"""


@dataclass(frozen=True, slots=True)
class Month:
    """The row of `spending_months` that a call belongs to. `month` is its first day."""

    workspace_id: UUID
    month: date
    demo: bool


def reserve(log_id: UUID, *, worst: Decimal) -> bool:
    """Reserve the worst case of a call, in USD. False when the workspace's budget of the month does not cover it."""
    values: dict[str, Any] = {"log": log_id, "worst": worst}
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, values)
        if cursor.rowcount == 0:
            cursor.execute(MAKE_MONTH, values)
            if cursor.rowcount:
                cursor.execute(RESERVE, values)
        return bool(cursor.rowcount == 1)


def settle(month: Month, *, spent: Decimal, released: Decimal) -> None:
    """Book the change of a log row, in USD: `spent` is added (it may be below 0), `released` is taken off the reservations.

    Called after the UPDATE of the job, because all calls of a workspace update this row and its lock must be short.
    """
    values: dict[str, Any] = {
        "spent": spent,
        "released": released,
        "workspace": month.workspace_id,
        "month": month.month,
        "demo": month.demo,
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, values)


def is_used_up(job_id: UUID, *, worst: Decimal, demo: bool) -> bool:
    """Whether the job runs, its month does not cover a call of `worst` USD, and nothing of its workspace is in flight.

    A job for which this is true stays locked until the end of the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(USED_UP, {"job": job_id, "worst": worst, "demo": demo})
        return cursor.fetchone() is not None
