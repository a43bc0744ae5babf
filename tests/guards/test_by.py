"""`by=` means something: no function takes the person who acts without using it (issue J, point 4)."""

import ast
from collections.abc import Iterator

import pytest

from tests.guards.sources import Source, source, sources


def problems(checked: Source) -> Iterator[str]:
    for node in ast.walk(checked.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and takes_by(node) and not uses_by(node):
            yield f"{checked.module}:{node.lineno} {node.name} takes `by` and drops it: record it or pass it on"


def takes_by(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    return any(each.arg == "by" for each in (*given.posonlyargs, *given.args, *given.kwonlyargs))


def uses_by(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Read somewhere in the body. A function inside that has a `by` of its own reads that one."""
    return any(_reads_by(statement) for statement in function.body)


def _reads_by(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and takes_by(node):
        return False
    if isinstance(node, ast.Name):
        return node.id == "by" and isinstance(node.ctx, ast.Load)
    return any(_reads_by(child) for child in ast.iter_child_nodes(node))


def test_no_function_drops_by() -> None:
    found = [problem for each in sources() for problem in problems(each)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "def pause(job, *, by): job.update(status='paused')",
        "def pause(job, by=None): return job",
        "async def pause(job, *, by): return job",
        "class Job:\n    def pause(self, *, by):\n        self.by = None",
        "def pause(job, *, by):\n    by = None\n    return job",
        "def pause(job, *, by):\n    def inner(by): return by\n    return inner(None)",
    ],
)
def test_the_guard_sees_one_that_does(text: str) -> None:
    assert list(problems(source("batches.actions.jobs", text)))


@pytest.mark.parametrize(
    "text",
    [
        "def pause(job, *, by): record(by=by)",
        "def pause(job, *, by): return lambda: record(by=by)",
        "def pause(job): return job",
    ],
)
def test_the_guard_lets_the_others_pass(text: str) -> None:
    assert not list(problems(source("batches.actions.jobs", text)))
