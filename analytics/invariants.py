"""The rule of the numbers by day: what was changed before the last pass is in them. Counted in another way than the passes count.

Days with later changes are left out: they may still be computed anew. It reads every row, so it is asked once an hour.
"""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db.backends.utils import CursorWrapper

# For each table: a day's totals by the rows (r) and by the numbers (s). A full join: either side may be missing.
FIND_WRONG = """
WITH calls AS (
     SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n, sum(cost_usd) AS amount,
            max(updated_at) AS changed FROM generation_logs GROUP BY 1, 2
), heads AS (
     SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE is_head) AS n,
            sum(quality_score) FILTER (WHERE is_head) AS amount, max(updated_at) AS changed FROM conversations GROUP BY 1, 2
), decided AS (
     SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE undoes_id IS NULL) AS n,
            0 AS amount, max(updated_at) AS changed FROM conversation_decisions GROUP BY 1, 2
)
SELECT name, workspace_id, day FROM (
       SELECT 'daily_calls' AS name, workspace_id, day, changed, r.n, r.amount, s.n AS sum_n, s.amount AS sum_amount
         FROM calls r FULL JOIN (SELECT workspace_id, day, sum(calls) AS n, sum(cost_usd) AS amount
                                   FROM daily_calls GROUP BY 1, 2) s USING (workspace_id, day)
    UNION ALL
       SELECT 'daily_conversations', workspace_id, day, changed, r.n, r.amount, s.n, s.amount
         FROM heads r FULL JOIN (SELECT workspace_id, day, sum(conversations) AS n, sum(score_sum) AS amount
                                   FROM daily_conversations GROUP BY 1, 2) s USING (workspace_id, day)
    UNION ALL
       SELECT 'daily_personas', workspace_id, day, changed, r.n, 0, s.n, 0
         FROM heads r FULL JOIN (SELECT workspace_id, day, sum(conversations) AS n
                                   FROM daily_personas GROUP BY 1, 2) s USING (workspace_id, day)
    UNION ALL
       SELECT 'daily_decisions', workspace_id, day, changed, r.n, r.amount, s.n, 0
         FROM decided r FULL JOIN (SELECT workspace_id, day, sum(decisions) AS n
                                     FROM daily_decisions GROUP BY 1, 2) s USING (workspace_id, day)
       ) compared
 WHERE coalesce(changed < %(settled)s, true)
   AND (coalesce(n, 0), coalesce(amount, 0)) <> (coalesce(sum_n, 0), coalesce(sum_amount, 0))
   AND NOT EXISTS (SELECT FROM stale_days g WHERE g.workspace_id = compared.workspace_id AND g.day = compared.day)
 ORDER BY 1, 3, 2
"""


class WrongDay(NamedTuple):
    """A day of a workspace whose numbers in this table are not what the rows say."""

    table: str
    workspace: UUID
    day: date


def find_wrong_days(cursor: CursorWrapper, *, settled: datetime) -> list[WrongDay]:
    """`settled`: what was changed before this moment must be in the numbers."""
    cursor.execute(FIND_WRONG, {"settled": settled})
    return [WrongDay(*row) for row in cursor.fetchall()]
