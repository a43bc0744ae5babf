"""The rules that must hold at every moment (docs/execution.md section 8), as SQL queries that find what breaks them.

They are used by `manage.py check_invariants`, by the reconciler and by the tests. I11 (whatever the provider billed is
logged) needs the provider's ledger, which only the tests have.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.engine.kinds.rules import RULES_OF_KINDS, Rule

# At most so many rows of a rule are named; the others are only counted.
MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A row that breaks a rule."""

    rule: str
    says: str
    table: str
    row: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.rule} {self.says}: {self.table} {self.row}: is {self.found}, should be {self.expected}"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is checked: these jobs, and the months from this day on. None: all of them."""

    jobs: Sequence[UUID] | None = None
    months_from: date | None = None


EVERYTHING = Scope()
# The tables that the rules read. PostgreSQL does not compute a part that a rule does not use.
#
# j, i, l: the jobs, items and log rows in scope.
# sums:    for each job its money as stored, beside the sums of its log rows. `limit_usd` is the budget and what calls cost
#          above their reservations.
# counts:  for each job its counters as stored, beside the counts of its items.
# months:  for each workspace, month, and demo or not, the money as stored beside the sums of its log rows. A full join: the
#          row or the log rows may be missing.
PARTS = """
WITH j AS NOT MATERIALIZED (
     SELECT * FROM batch_jobs WHERE %(jobs)s::uuid[] IS NULL OR id = ANY(%(jobs)s::uuid[])
), i AS NOT MATERIALIZED (
     SELECT * FROM batch_items WHERE %(jobs)s::uuid[] IS NULL OR job_id = ANY(%(jobs)s::uuid[])
), l AS NOT MATERIALIZED (
     SELECT * FROM generation_logs WHERE %(jobs)s::uuid[] IS NULL OR job_id = ANY(%(jobs)s::uuid[])
), sums AS (
     SELECT j.id, j.spent, j.reserved, coalesce(log.spent, 0) AS log_spent, coalesce(log.reserved, 0) AS log_reserved,
            j.budget_usd + coalesce(log.overshoot, 0) AS limit_usd
       FROM j LEFT JOIN (
            SELECT job_id, sum(cost_usd) AS spent, sum(reservation_usd) FILTER (WHERE state = 'pending') AS reserved,
                   sum(greatest(cost_usd - reservation_usd, 0)) AS overshoot FROM l GROUP BY job_id) log ON log.job_id = j.id
), counts AS (
     SELECT j.id, j.status, j.total_items, j.completed_items, j.failed_items, j.in_flight, coalesce(item.total, 0) AS total,
            coalesce(item.completed, 0) AS completed, coalesce(item.failed, 0) AS failed, coalesce(item.processing, 0) AS processing
       FROM j LEFT JOIN (
            SELECT job_id, count(*) AS total, count(*) FILTER (WHERE status = 'completed') AS completed,
                   count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'processing') AS processing
              FROM i GROUP BY job_id) item ON item.job_id = j.id
), months AS (
     SELECT workspace_id || ' ' || month || CASE WHEN demo THEN ' demo' ELSE '' END AS id,
            coalesce(m.spent, 0) AS spent, coalesce(m.reserved, 0) AS reserved,
            coalesce(log.spent, 0) AS log_spent, coalesce(log.reserved, 0) AS log_reserved
       FROM (SELECT * FROM spending_months WHERE %(months_from)s::date IS NULL OR month >= %(months_from)s::date) m
       FULL JOIN (
            SELECT workspace_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month, pool LIKE 'demo:%%' AS demo,
                   sum(cost_usd) AS spent, sum(reservation_usd) FILTER (WHERE state = 'pending') AS reserved
              FROM generation_logs
             WHERE %(months_from)s::date IS NULL OR created_at >= (%(months_from)s::date::timestamp AT TIME ZONE 'UTC')
             GROUP BY 1, 2, 3) log USING (workspace_id, month, demo)
)
SELECT row::text, found::text, expected::text, count(*) OVER () FROM (
"""
# The first rows of a rule, each with the number of all its rows.
FIRST = ") broken (row, found, expected) ORDER BY 1 LIMIT %(most)s"

RULES = (
    *RULES_OF_KINDS,
    Rule(
        name="I3",
        says="reserved is the sum of the pending logs' reservations",
        table="batch_jobs",
        query="SELECT id, reserved, log_reserved FROM sums WHERE reserved <> log_reserved",
    ),
    Rule(
        name="I4",
        says="spent is the sum of the logs' costs",
        table="batch_jobs",
        query="SELECT id, spent, log_spent FROM sums WHERE spent <> log_spent",
    ),
    Rule(
        name="I3",
        says="a month's reserved is the sum of its pending logs' reservations",
        table="spending_months",
        query="SELECT id, reserved, log_reserved FROM months WHERE reserved <> log_reserved",
    ),
    Rule(
        name="I4",
        says="a month's spent is the sum of its logs' costs",
        table="spending_months",
        query="SELECT id, spent, log_spent FROM months WHERE spent <> log_spent",
    ),
    Rule(
        name="I5",
        says="in_flight is the number of processing items",
        table="batch_jobs",
        query="SELECT id, in_flight, processing FROM counts WHERE in_flight <> processing",
    ),
    Rule(
        name="I6",
        says="a processing item has a worker, a token and a pending log of its own",
        table="batch_items",
        query="""SELECT i.id, concat_ws(', ', CASE WHEN i.worker_id IS NULL THEN 'no worker' END, CASE WHEN i.token IS NULL THEN 'no token' END,
                         CASE WHEN l.id IS NULL THEN 'no log' ELSE 'log ' || l.state END), 'worker, token, log pending'
                    FROM i LEFT JOIN generation_logs l ON l.id = i.current_log_id AND l.item_id = i.id
                   WHERE i.status = 'processing'
                     AND (i.worker_id IS NULL OR i.token IS NULL OR l.id IS NULL OR l.state <> 'pending')""",
    ),
    Rule(
        # The cap is the moment at which the call may be reaped: some time after its deadline, but not within the grace
        # after the start of the database.
        name="I7",
        says="nothing is processing 60 s beyond its cap",
        table="batch_items",
        query="""SELECT i.id, 'processing since ' || i.claimed_at, 'reaped after ' || l.deadline
                    FROM i JOIN generation_logs l ON l.id = i.current_log_id
                   WHERE i.status = 'processing' AND clock_timestamp() > interval '60 s' + greatest(
                         l.deadline + make_interval(secs => %(after)s), pg_postmaster_start_time() + make_interval(secs => %(grace)s))""",
    ),
    Rule(
        name="I8",
        # Cancelling a job sweeps its queue in a second transaction (`batches.actions.jobs.cancel`); if that fails, the
        # dispatcher does it within a minute.
        says="a completed job has no open item, a cancelled one soon none in the queue",
        table="batch_jobs",
        query="""SELECT j.id, j.status || ' with ' || count(*) || ' open items', '0 open items'
                    FROM j JOIN i ON i.job_id = j.id
                     AND (i.status = 'queued' OR (i.status = 'processing' AND j.status = 'completed'))
                   WHERE j.status = 'completed'
                      OR (j.status = 'cancelled' AND j.updated_at < clock_timestamp() - make_interval(secs => %(swept)s)) GROUP BY j.id, j.status""",
    ),
    Rule(
        name="I8",
        says="a job whose items have all ended is completed",
        table="batch_jobs",
        query="""SELECT id, status || ' with nothing left', 'completed' FROM counts
                   WHERE status IN ('queued', 'processing', 'paused', 'failed') AND total > 0 AND completed + failed = total""",
    ),
    Rule(
        name="I9",
        says="spent and reserved are within the budget, but for what calls cost above their reservations",
        table="batch_jobs",
        query="SELECT id, spent + reserved, 'at most ' || limit_usd FROM sums WHERE spent + reserved > limit_usd",
    ),
    Rule(
        name="I10",
        says="no log row is made while its job is stopped",
        table="generation_logs",
        query="""SELECT l.id, 'made ' || l.created_at, 'before ' || j.stopped_at FROM l JOIN j ON j.id = l.job_id
                   WHERE j.status IN ('paused', 'cancelled', 'failed') AND l.created_at > j.stopped_at""",
    ),
    Rule(
        name="I12",
        says="what belongs to a job is in its workspace",
        table="batch_items",
        query="""SELECT i.id, 'item ' || i.workspace_id || coalesce(', conversation ' || c.workspace_id, ''), 'workspace ' || j.workspace_id
                    FROM i JOIN j ON j.id = i.job_id LEFT JOIN conversations c ON c.batch_item_id = i.id
                   WHERE (i.workspace_id <> j.workspace_id OR c.workspace_id <> j.workspace_id)""",
    ),
    Rule(
        name="I12",
        says="what belongs to a job is in its workspace",
        table="generation_logs",
        query="""SELECT l.id, 'workspace ' || l.workspace_id, 'workspace ' || j.workspace_id
                    FROM l JOIN j ON j.id = l.job_id WHERE l.workspace_id <> j.workspace_id""",
    ),
    Rule(
        name="I13",
        says="counters are counts",
        table="batch_jobs",
        query="""SELECT id, 'total ' || total_items || ', completed ' || completed_items || ', failed ' || failed_items,
                         'total ' || total || ', completed ' || completed || ', failed ' || failed FROM counts
                   WHERE (total_items, completed_items, failed_items) <> (total, completed, failed)""",
    ),
    Rule(
        name="I13",
        says="a completed item names the log that won",
        table="batch_items",
        query="""SELECT i.id, 'log ' || coalesce(l.state, 'none'), 'log succeeded'
                    FROM i LEFT JOIN generation_logs l ON l.id = i.current_log_id
                   WHERE i.status = 'completed' AND l.state IS DISTINCT FROM 'succeeded'""",
    ),
    Rule(
        name="I14",
        says="no transaction is idle for a minute",
        table="pg_stat_activity",
        query="""SELECT pid, 'idle since ' || state_change, 'ended' FROM pg_stat_activity
                  WHERE state = 'idle in transaction' AND state_change < clock_timestamp() - interval '60 s' AND datname = current_database()""",
    ),
)
# These are no violations: an item may be deleted while its log rows and its conversation stay. They are only listed.
ORPHAN_RULES = (
    Rule(
        name="log",
        says="a log row whose item is gone",
        table="generation_logs",
        query="SELECT id, state || ', $' || cost_usd, 'an item' FROM generation_logs WHERE item_id IS NULL",
    ),
    Rule(
        name="conversation",
        says="a generated conversation whose item is gone",
        table="conversations",
        query="""SELECT c.id, c.conversation_id, 'an item' FROM conversations c WHERE c.batch_item_id IS NULL
                    -- the log rows of judgements name the conversation as well, but have no template version
                    AND EXISTS (SELECT 1 FROM generation_logs l WHERE l.conversation_id = c.id AND l.template_version_id IS NOT NULL)""",
    ),
)


def violations(scope: Scope = EVERYTHING) -> list[Violation]:
    """The rows that break a rule, at most 20 for each rule and one entry for the number of the others.

    While the engine runs, call it inside `one_snapshot`; otherwise it may compare rows of different moments.
    """
    return _find_violations(RULES, scope)


def find_orphans() -> list[Violation]:
    """Logs and conversations whose item is gone, at most 20 of each."""
    return _find_violations(ORPHAN_RULES, EVERYTHING)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Everything that is read inside is of the same moment.

    Inside a transaction it changes nothing: the isolation of that transaction applies.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _find_violations(rules: Sequence[Rule], scope: Scope) -> list[Violation]:
    values = {
        "jobs": None if scope.jobs is None else list(scope.jobs),
        "months_from": scope.months_from,
        "after": settings.ENGINE_REAP_AFTER_DEADLINE_S,
        "grace": settings.ENGINE_START_GRACE_S,
        "swept": settings.ENGINE_SWEPT_AFTER_S,
        "most": MOST_NAMED,
    }
    found = []
    with connection.cursor() as cursor:
        for rule in rules:
            cursor.execute(PARTS + rule.query + FIRST, values)
            rows = cursor.fetchall()
            found += [
                Violation(
                    rule=rule.name,
                    says=rule.says,
                    table=rule.table,
                    row=row,
                    found=what,
                    expected=should,
                )
                for row, what, should, _ in rows
            ]
            if rows and rows[0][3] > len(rows):
                found.append(_summarize_others(rule, rows[0][3] - len(rows)))
    return found


def _summarize_others(rule: Rule, n: int) -> Violation:
    return Violation(
        rule=rule.name,
        says=rule.says,
        table=rule.table,
        row=f"and {n} more",
        found="the same",
        expected="none",
    )
