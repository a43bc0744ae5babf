"""What must hold at every moment (docs/execution.md section 8), as SQL over the whole database."""

from typing import Any

from django.conf import settings
from django.db import connection

# Each query finds the rows that break the rule.
RULES = {
    "I1 at most one conversation per item": """
        SELECT batch_item_id FROM conversations WHERE batch_item_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1""",
    "I2 an item is completed if and only if its conversation is there": """
        SELECT i.id FROM batch_items i LEFT JOIN conversations c ON c.batch_item_id = i.id
         WHERE (i.status = 'completed') <> (c.id IS NOT NULL)""",
    "I2 a conversation has all its turns": """
        SELECT c.id FROM conversations c WHERE c.turn_count <> (SELECT count(*) FROM conversation_turns t WHERE t.conversation_id = c.id)""",
    "I3 reserved = sum of reservations of pending logs": """
        SELECT j.id FROM batch_jobs j WHERE j.reserved <> coalesce(
            (SELECT sum(reservation_usd) FROM generation_logs l WHERE l.job_id = j.id AND l.state = 'pending'), 0)""",
    "I4 spent = sum of costs": """
        SELECT j.id FROM batch_jobs j WHERE j.spent <> coalesce((SELECT sum(cost_usd) FROM generation_logs l WHERE l.job_id = j.id), 0)""",
    "I3 a month's reserved = sum of reservations of its pending logs, I4 its spent = sum of their costs": """
        SELECT coalesce(m.workspace_id, l.workspace_id) FROM spending_months m FULL JOIN (
            SELECT workspace_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month, pool LIKE 'demo:%%' AS demo,
                   coalesce(sum(reservation_usd) FILTER (WHERE state = 'pending'), 0) AS reserved, sum(cost_usd) AS spent
              FROM generation_logs GROUP BY 1, 2, 3) l USING (workspace_id, month, demo)
         WHERE (coalesce(m.reserved, 0), coalesce(m.spent, 0)) <> (coalesce(l.reserved, 0), coalesce(l.spent, 0))""",
    "I5 in_flight = processing items, within the concurrency": """
        SELECT j.id FROM batch_jobs j WHERE j.in_flight <> (SELECT count(*) FROM batch_items i WHERE i.job_id = j.id AND i.status = 'processing')
            OR j.in_flight > j.concurrent_processing""",
    "I6 a processing item has a worker and a current log": """
        SELECT i.id FROM batch_items i WHERE i.status = 'processing' AND (i.worker_id IS NULL OR i.token IS NULL OR i.current_log_id IS NULL)""",
    "I7 nothing is processing long after its cap": """
        SELECT i.id FROM batch_items i JOIN generation_logs l ON l.id = i.current_log_id
         WHERE i.status = 'processing' AND clock_timestamp() > interval '60 s' + greatest(
             l.deadline + make_interval(secs => %(after)s), pg_postmaster_start_time() + make_interval(secs => %(grace)s))""",
    "I8 a completed job has no open items, a cancelled one none in the queue": """
        SELECT j.id FROM batch_jobs j WHERE (j.status = 'completed' AND EXISTS (
            SELECT 1 FROM batch_items i WHERE i.job_id = j.id AND i.status IN ('queued', 'processing')))
            OR (j.status = 'cancelled' AND EXISTS (SELECT 1 FROM batch_items i WHERE i.job_id = j.id AND i.status = 'queued'))""",
    "I9 spent + reserved within the budget": """
        SELECT j.id FROM batch_jobs j WHERE j.spent + j.reserved > j.budget_usd""",
    "I10 no log row after a job was paused or cancelled": """
        SELECT l.id FROM generation_logs l JOIN batch_jobs j ON j.id = l.job_id
         WHERE j.status IN ('paused', 'cancelled', 'failed') AND j.stopped_at IS NOT NULL AND l.created_at > j.stopped_at""",
    "I12 rows are in the workspace of their job": """
        SELECT i.id FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id LEFT JOIN conversations c ON c.batch_item_id = i.id
         WHERE i.workspace_id <> j.workspace_id OR c.workspace_id <> j.workspace_id""",
    "I13 counters = counts": """
        SELECT j.id FROM batch_jobs j CROSS JOIN LATERAL (
            SELECT count(*) AS total, count(*) FILTER (WHERE i.status = 'completed') AS completed,
                   count(*) FILTER (WHERE i.status = 'failed') AS failed,
                   count(*) FILTER (WHERE i.status = 'completed' AND l.id IS NOT NULL) AS won
              FROM batch_items i LEFT JOIN generation_logs l ON l.id = i.current_log_id AND l.state = 'succeeded'
             WHERE i.job_id = j.id) n
         WHERE (j.total_items, j.completed_items, j.failed_items, j.completed_items) <> (n.total, n.completed, n.failed, n.won)""",
    "I14 no transaction idle for a minute": """
        SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < clock_timestamp() - interval '60 s'
           AND datname = current_database()""",
}


def violations() -> dict[str, list[Any]]:
    """The rules that do not hold, with the rows that break them; empty when all is well."""
    times = {"after": settings.ENGINE_REAP_AFTER_DEADLINE_S, "grace": settings.ENGINE_START_GRACE_S}
    found = {}
    with connection.cursor() as cursor:
        for rule, query in RULES.items():
            cursor.execute(query, times)
            rows = [row[0] for row in cursor.fetchall()]
            if rows:
                found[rule] = rows[:5]
    return found


def assert_invariants() -> None:
    """One consistent look: the rows must be from a single snapshot while the engine runs."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            found = violations()
        finally:
            cursor.execute("COMMIT")
    assert not found, found


def assert_no_violations() -> None:
    """The same within a test's own transaction."""
    found = violations()
    assert not found, found


def assert_billed_is_logged(ledger: list[dict[str, Any]]) -> None:
    """I11: what the provider billed is a subset of what is logged, joined by our own id of each call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM generation_logs")
        logged = {row[0] for row in cursor.fetchall()}
    unknown = [entry for entry in ledger if entry["billed"] and entry["client_request_id"] not in logged]
    assert not unknown, unknown[:3]
