"""Route the review queue by changed thresholds. What a person has decided never moves; an approval is marked.

It goes by the thresholds in force at each step, so two such jobs end alike. Whatever a step has moved is no longer found, so
no place need be kept.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from background.kinds import End, count
from background.running import RunningJob
from conversations.thresholds import MARKED, MOVED, Thresholds, list_query_values
from lib.amounts import count_words
from workspaces.audit import Change, record_many
from workspaces.states import Action, TargetKind

AT_ONCE = 500  # conversations in a step
# Locked in the order of their ids. After a wait for a lock PostgreSQL checks the conditions again.
MOVE = f"""
WITH due AS ({MOVED.format(columns="id, status AS before, quality_score AS score, route")}
             ORDER BY id LIMIT %(at_once)s FOR NO KEY UPDATE OF c)
UPDATE conversations c SET status = due.route FROM due WHERE c.id = due.id
RETURNING c.id, c.conversation_id, due.before, due.route, due.score
"""  # noqa: S608  constants alone
MARK = f"""
UPDATE conversations SET flagged_since_decision = true WHERE id = ANY(ARRAY(
    {MARKED.format(columns="id")} ORDER BY id LIMIT %(at_once)s FOR NO KEY UPDATE))
"""  # noqa: S608


def run(job: RunningJob) -> None:
    before = Thresholds.read(job.parameters["before"])
    while True:
        with job.step() as step:
            values = list_query_values(job.workspace, Thresholds.of(job.workspace), before=before)
            moved, marked = _move(job, values), _mark(values)
            step.done = moved + marked
            step.result = {"moved": moved, "flagged_since_decision": marked}
        if not moved and not marked:
            return


def describe(result: Mapping[str, Any], done: int) -> End:
    moved, marked = count(result, "moved"), count(result, "flagged_since_decision")
    also = f", {count_words(marked, 'approved conversation')} marked" if marked else ""
    return End(f"Finished: {count_words(moved, 'conversation')} moved{also}.", moved + marked)


def _move(job: RunningJob, values: Mapping[str, Any]) -> int:
    """Move up to `AT_ONCE` conversations, with an entry in the history of each."""
    with connection.cursor() as cursor:
        cursor.execute(MOVE, {**values, "at_once": AT_ONCE})
        rows = cursor.fetchall()
    changes = [
        Change(key, name, {"status": old}, {"status": new, "score": score})
        for key, name, old, new, score in rows
    ]
    record_many(
        changes, action=Action.ROUTE, kind=TargetKind.CONVERSATION, by=job.by, workspace=job.workspace
    )
    return len(changes)


def _mark(values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(MARK, {**values, "at_once": AT_ONCE})
        return int(cursor.rowcount)
