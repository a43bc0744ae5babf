"""No place changes the status of a batch without an entry in the audit log: each place is found, and known to record it."""

import ast
import re
from collections.abc import Iterator

from tests.guards.sources import Source, source, sources

# Place -> what records it. Shown by test_audited.py for what people do, by tests/batches/engine/test_history.py for the engine.
RECORDED = {
    "batches.models.jobs.stop": "record_move, for each job",
    "batches.engine.moves.SETTLE": "settle calls record_move when the status is another one than before",
    "batches.engine.reconcile.repair_job": "record_move",
    "batches.actions.jobs.move_job": "an entry with the action of its caller",
    "batches.actions.controls.REOPEN": "retry_failed has its entry",
    "batches.actions.starting.start_draft": "it has its entry",
    "batches.engine.claim.RESERVE": "nothing: its first claim makes a queued batch a processing one, and the start has an entry",
}
SQL = re.compile(r"UPDATE batch_jobs\b((?!\bWHERE\b).)*?(?<!\.)\bstatus = ", re.DOTALL)
OTHERS = re.compile("BatchItem|GenerationLog|Conversation|Notice|BackgroundJob|ProviderPool")


def find_places(checked: Source) -> Iterator[str]:
    """Dotted names of the functions, methods and constants that set the status of a batch, births apart."""
    bodies = [checked.tree.body, *(each.body for each in checked.tree.body if isinstance(each, ast.ClassDef))]
    for node in (each for body in bodies for each in body):
        if isinstance(node, ast.FunctionDef) and any(map(_is_update, ast.walk(node))):
            yield f"{checked.module}.{node.name}"
        elif isinstance(node, ast.Assign) and SQL.search(ast.unparse(node).replace("\\n", "\n")):
            yield f"{checked.module}.{ast.unparse(node.targets[0])}"


def _is_update(node: ast.AST) -> bool:
    """`.update(status=JobStatus...)`, and one of jobs whose columns are handed in."""
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
    ):
        return bool(isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value))
    rows = ast.unparse(node.func.value)
    for keyword in node.keywords:
        if keyword.arg == "status" and "JobStatus" in ast.unparse(keyword.value):
            return True
        if keyword.arg is None and re.search(r"BatchJob|\brows\.filter", rows) and not OTHERS.search(rows):
            return True
    return False


def test_each_place_that_sets_the_status_of_a_batch_records_it() -> None:
    found = {place for each in sources() if each.room == "batches" for place in find_places(each)}
    assert found == RECORDED.keys()


def test_no_other_room_sets_it() -> None:
    assert [place for each in sources() if each.room != "batches" for place in find_places(each)] == []


def test_a_new_place_would_be_seen() -> None:
    text = '''
MOVE = """
UPDATE batch_jobs j SET in_flight = 0,
       status = 'paused' WHERE id = %s
"""
READ = "UPDATE batch_jobs SET noticed = '' WHERE status = 'paused'"
def hold(job): BatchJob.objects.filter(pk=job.pk).update(reason="", status=JobStatus.PAUSED)
def change(job, **fields): BatchJob.objects.filter(pk=job.pk).update(**fields)
def end(job): cursor.execute("UPDATE batch_jobs SET status = 'failed'")
def other(item): BatchItem.objects.filter(pk=item.pk).update(status=ItemStatus.FAILED)
'''
    found = list(find_places(source("batches.engine.holding", text)))
    assert found == [f"batches.engine.holding.{name}" for name in ("MOVE", "hold", "change", "end")]
