"""A public function of a page or of the API begins with a verb, so that its name says what it does."""

import ast
from collections.abc import Iterator

import pytest

from tests.guards.sources import ROOMS, Source, source, sources

# The folders of pages and of the API, in every room.
FOLDERS = ("web", "api")
# The rooms whose names are in order; `ROOMS` looks at all of them.
ROOMS_IN_ORDER: tuple[str, ...] = ROOMS
VERBS = frozenset(
    [
        "accept",
        "add",
        "allow",
        "announce",
        "apply",
        "archive",
        "arrange",
        "ask",
        "assign",
        "bound",
        "bring",
        "build",
        "cancel",
        "carry",
        "change",
        "check",
        "choose",
        "clean",
        "collect",
        "compare",
        "compute",
        "configure",
        "confirm",
        "copy",
        "count",
        "create",
        "cut",
        "decide",
        "delete",
        "describe",
        "discard",
        "download",
        "draft",
        "draw",
        "duplicate",
        "edit",
        "estimate",
        "exceeds",
        "explain",
        "export",
        "fill",
        "filter",
        "find",
        "fit",
        "format",
        "generate",
        "get",
        "give",
        "group",
        "has",
        "hash",
        "hold",
        "import",
        "install",
        "invite",
        "is",
        "join",
        "keep",
        "lead",
        "let",
        "link",
        "list",
        "load",
        "look",
        "make",
        "mark",
        "may",
        "merge",
        "move",
        "name",
        "normalize",
        "offer",
        "open",
        "parse",
        "patch",
        "pause",
        "place",
        "plan",
        "poll",
        "preview",
        "price",
        "publish",
        "push",
        "rank",
        "read",
        "record",
        "redirect",
        "refuse",
        "regenerate",
        "register",
        "remove",
        "rename",
        "render",
        "replace",
        "rescore",
        "resolve",
        "restore",
        "resume",
        "retry",
        "review",
        "revoke",
        "roll",
        "run",
        "save",
        "search",
        "select",
        "send",
        "serialize",
        "set",
        "show",
        "sign",
        "shuffle",
        "sign",
        "skip",
        "sort",
        "split",
        "start",
        "step",
        "store",
        "suggest",
        "sum",
        "test",
        "try",
        "undo",
        "unite",
        "update",
        "upload",
        "use",
        "validate",
        "wait",
        "warn",
        "withdraw",
        "write",
    ]
)


def is_looked_at(checked: Source) -> bool:
    folders = checked.module.split(".")[1:]
    return any(folder in FOLDERS for folder in folders) and checked.room in ROOMS_IN_ORDER


def public_functions(checked: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in checked.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def problems(checked: Source) -> list[str]:
    return [
        f"{checked.module}:{node.lineno} {node.name}: begin it with a verb (the verbs stand in this test)"
        for node in public_functions(checked)
        if node.name.partition("_")[0] not in VERBS
    ]


def test_functions_of_pages_and_api_begin_with_a_verb() -> None:
    found = [problem for each in sources() if is_looked_at(each) for problem in problems(each)]
    assert not found, "\n".join(found)


def test_the_guard_looks_at_every_folder() -> None:
    looked_at = {each.module for each in sources() if is_looked_at(each)}
    assert {"batches.web.jobs.views", "batches.web.access", "batches.api.single"} <= looked_at


@pytest.mark.parametrize("name", ["shown", "moved", "kept", "batch_of", "priced", "batches", "with_problem"])
def test_the_guard_sees_a_name_without_a_verb(name: str) -> None:
    assert problems(source("batches.web.jobs.views", f"def {name}() -> None: ..."))


@pytest.mark.parametrize("text", ["def list_batches() -> None: ...", "def _rows() -> None: ...", "KEPT = 1"])
def test_the_guard_lets_a_good_name_pass(text: str) -> None:
    assert not problems(source("batches.web.jobs.views", text))
