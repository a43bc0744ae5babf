"""Compute the rows by day anew where something has changed: the dispatcher does it every half minute.

A pass finds the days of workspaces of which a row has changed since the last pass, and replaces all their numbers by what
their rows say, in one transaction. So it may die anywhere, run twice, or look at a day without need. What is committed late has a time
before the last pass; therefore each pass looks back `OVERLAP` further, and once an hour at everything.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from analytics.invariants import find_wrong_days

logger = logging.getLogger(__name__)

ROLLING_LOCK = 0x10AA04
OVERLAP = timedelta(minutes=5)  # longer than any transaction of the product
EVERYTHING_EACH = 180  # passes
CELLS_AT_ONCE = 20
TABLES = ("daily_calls", "daily_conversations", "daily_personas", "daily_decisions")

# When the last pass that changed anything began. What has changed since then is all that can have changed.
LAST = """
SELECT greatest((SELECT max(computed_at) FROM daily_calls), (SELECT max(computed_at) FROM daily_conversations),
                (SELECT max(computed_at) FROM daily_decisions))
"""
# The workspaces and days of the rows that have changed since a moment; no moment: of all rows, and of all sums.
CHANGED = """
WITH gone AS (DELETE FROM stale_days RETURNING workspace_id, day)
SELECT workspace_id, day FROM gone
 UNION SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date FROM generation_logs {since}
 UNION SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date FROM conversations {since}
 UNION SELECT workspace_id, (created_at AT TIME ZONE 'UTC')::date FROM conversation_decisions {since}
 -- the day of a decision also changes when it is undone later
 UNION SELECT d.workspace_id, (d.created_at AT TIME ZONE 'UTC')::date
         FROM (SELECT undoes_id FROM conversation_decisions {since}) AS undoing JOIN conversation_decisions d ON d.id = undoing.undoes_id
"""
SINCE = "WHERE updated_at >= %(since)s"
SUMMED = """
 UNION SELECT workspace_id, day FROM daily_calls
 UNION SELECT workspace_id, day FROM daily_conversations
 UNION SELECT workspace_id, day FROM daily_personas
 UNION SELECT workspace_id, day FROM daily_decisions
"""

CELLS = "unnest(%(workspaces)s::uuid[], %(days)s::date[]) AS cell (workspace_id, day)"
# The rows of a table that were made on the day of a cell.
OF_CELL = """r.workspace_id = cell.workspace_id AND r.created_at >= (cell.day::timestamp AT TIME ZONE 'UTC')
   AND r.created_at < ((cell.day + 1)::timestamp AT TIME ZONE 'UTC')"""
REMOVE = """
DELETE FROM {table} d USING {cells} WHERE d.workspace_id = cell.workspace_id AND d.day = cell.day
"""
ADD_CALLS = """
INSERT INTO daily_calls (id, workspace_id, day, computed_at, template_version_id, tier, model, simulated, state, error_kind,
       calls, repeats, cost_usd, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, duration_ms)
SELECT gen_random_uuid(), cell.workspace_id, cell.day, now(), r.template_version_id, r.tier, r.model, r.pool LIKE 'demo:%%',
       r.state, r.error_kind, count(*), count(*) FILTER (WHERE r.attempt > 1), sum(r.cost_usd), sum(r.input_tokens::bigint),
       sum(r.output_tokens::bigint), sum(r.cache_write_tokens::bigint), sum(r.cache_read_tokens::bigint),
       coalesce(sum(r.duration_ms::bigint), 0)
  FROM {cells} JOIN generation_logs r ON {of_cell}
 GROUP BY 2, 3, 5, 6, 7, 8, 9, 10
"""
ADD_CONVERSATIONS = """
INSERT INTO daily_conversations (id, workspace_id, day, computed_at, template_version_id, tier, model, simulated, status,
       band, conversations, scored, score_sum)
SELECT gen_random_uuid(), cell.workspace_id, cell.day, now(), r.template_version_id, r.tier, r.model, r.simulated, r.status,
       floor(r.quality_score), count(*), count(r.quality_score), coalesce(sum(r.quality_score), 0)
  FROM {cells} JOIN conversations r ON {of_cell} AND r.is_head
 GROUP BY 2, 3, 5, 6, 7, 8, 9, 10
"""
ADD_PERSONAS = """
INSERT INTO daily_personas (id, workspace_id, day, computed_at, tier, persona, emotion, simulated, conversations, approved)
SELECT gen_random_uuid(), cell.workspace_id, cell.day, now(), r.tier, r.persona, r.emotion, r.simulated,
       count(*), count(*) FILTER (WHERE r.status = 'approved')
  FROM {cells} JOIN conversations r ON {of_cell} AND r.is_head
 GROUP BY 2, 3, 5, 6, 7, 8
"""
# A decision that was brought in for somebody counts as that person's. What undoes another one is no decision of its own.
ADD_DECISIONS = """
INSERT INTO daily_decisions (id, workspace_id, day, computed_at, reviewer, to_status, decisions, undone)
SELECT gen_random_uuid(), cell.workspace_id, cell.day, now(), coalesce(nullif(r.on_behalf_of, ''), r.who_name), r.to_status,
       count(*), count(u.id)
  FROM {cells} JOIN conversation_decisions r ON {of_cell} AND r.undoes_id IS NULL
  LEFT JOIN conversation_decisions u ON u.undoes_id = r.id
 GROUP BY 2, 3, 5, 6
"""


class Cell(NamedTuple):
    """A day of a workspace."""

    workspace: UUID
    day: date


class RollUps:
    """The passes of one dispatcher process. It remembers how many it has made."""

    def __init__(self) -> None:
        self.passes = 0

    def look(self) -> None:
        """Compute anew what has changed; at the first look and once an hour everything, after a report of what was wrong."""
        everything = self.passes % EVERYTHING_EACH == 0
        if everything:
            report_wrong_days()
        roll_up(everything=everything)
        self.passes += 1


def make_rolling() -> Callable[[], None]:
    """The duty of a dispatcher process, which begins with all days."""
    return RollUps().look


def report_wrong_days() -> None:
    """Log what the passes have missed: it is put right at once, and is an error of ours."""
    with connection.cursor() as cursor:
        since = find_start(cursor)
        wrong = find_wrong_days(cursor, settled=since) if since else []
    if wrong:
        logger.error(
            "The numbers of %s days were wrong and are computed anew, for example %s", len(wrong), wrong[0]
        )


@transaction.atomic
def roll_up(*, everything: bool = False) -> list[Cell]:
    """Compute anew the days that have changed, or all. Returns them; none while another process does it. Raises the database's errors."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ROLLING_LOCK])
        if not cursor.fetchone()[0]:
            return []
        cells = find_changed(cursor, since=None if everything else find_start(cursor))
        replace(cursor, cells)
    return cells


def find_start(cursor: CursorWrapper) -> datetime | None:
    """From when on rows may have changed without being counted; None before the first pass."""
    cursor.execute(LAST)
    last: datetime | None = cursor.fetchone()[0]
    return last - OVERLAP if last else None


def find_changed(cursor: CursorWrapper, *, since: datetime | None) -> list[Cell]:
    """The days with rows that have changed since then, and those of which something was deleted. Without a moment all days."""
    if since:
        cursor.execute(CHANGED.format(since=SINCE), {"since": since})
    else:
        cursor.execute(CHANGED.format(since="") + SUMMED)
    return [Cell(*row) for row in cursor.fetchall()]


def replace(cursor: CursorWrapper, cells: Sequence[Cell]) -> None:
    """Put in place of all numbers of these days what their rows say now, a few days in a statement: each has its time limit."""
    for start in range(0, len(cells), CELLS_AT_ONCE):
        part = cells[start : start + CELLS_AT_ONCE]
        values: dict[str, Any] = {
            "workspaces": [each.workspace for each in part],
            "days": [each.day for each in part],
        }
        for table in TABLES:
            cursor.execute(REMOVE.format(table=table, cells=CELLS), values)
        for add in (ADD_CALLS, ADD_CONVERSATIONS, ADD_PERSONAS, ADD_DECISIONS):
            cursor.execute(add.format(cells=CELLS, of_cell=OF_CELL), values)
