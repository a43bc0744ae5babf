"""Names are the field's terms (docs/architecture.md): no module, class or function carries a name that was replaced."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.guards.sources import ROOT, Source, source, sources

# The replaced words and their successors. No part of a name may be one of them: `ring_all`, `Crew`, `lineup_of`.
REPLACED_PARTS = {
    **dict.fromkeys(("ring", "rings", "rung", "ringing"), "dispatch"),
    "freed": "next_item",
    "warmth": "prompt_cache",
    **dict.fromkeys(("outage", "outages"), "circuit_breaker"),
    **dict.fromkeys(("setback", "setbacks"), "retry"),
    **dict.fromkeys(("verdict", "verdicts"), "estimate_accuracy"),
    **dict.fromkeys(("lineup", "lineups"), "current_models"),
    "crew": "process_group",
    **dict.fromkeys(("bury", "buried"), "on_exit"),
    **dict.fromkeys(("nest", "nests"), "fork_server"),
    **dict.fromkeys(("hatch", "hatched"), "spawn"),
    "weather": "pool_state",
}
# Ordinary words of English that were names of modules. They may be a part of a name, as in `store_what_is_kept`.
REPLACED_MODULES = {
    "kept": "stored_replies",
    "silence": "systemic_wait",
    "bounds": "bottleneck",
    "words": "reason_texts",
    "answers": "responses",
    "waiting": "long_poll",
    "cards": "model_card",
}
# The same for functions and classes.
REPLACED_FUNCTIONS = {
    "put_in_force": "activate",
    "hold": "serve_clients",
    "meant": "plan_from_body",
    "told_by": "register_call_log",
}
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
OTHER_FOLDERS = ("bench", "tests")


def all_sources() -> Iterator[Source]:
    """The rooms, the benchmarks and the tests; this guard itself plants violations."""
    yield from sources()
    for folder in OTHER_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__):
                yield source(".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text())


def replacement(name: str, whole: Mapping[str, str]) -> str | None:
    """The term to use instead of this name; None when the name is in order. `whole`: names that are replaced as a whole."""
    parts = [part.lower() for part in PART.findall(name)]
    found = next((REPLACED_PARTS[part] for part in parts if part in REPLACED_PARTS), None)
    return found or whole.get("_".join(parts))


def violations(of: Source) -> Iterator[str]:
    """Replaced names of the module, and of its classes, functions and methods."""
    modules = {} if of.room in OTHER_FOLDERS else REPLACED_MODULES
    for part in of.module.split("."):
        if instead := replacement(part.removeprefix("test_"), modules):
            yield f"{of.module}: the module {part} should be named {instead}"
    top = {id(node) for node in of.tree.body}
    named = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in (each for each in ast.walk(of.tree) if isinstance(each, named)):
        if instead := replacement(node.name, REPLACED_FUNCTIONS if id(node) in top else {}):
            yield f"{of.module}:{node.lineno}: {node.name} should be named by {instead}"


def test_no_name_that_was_replaced_is_used() -> None:
    found = [violation for each in all_sources() for violation in violations(each)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("batches.engine.ring", ""),
        ("batches.reports.words", ""),
        ("batches.web.waiting", ""),
        ("batches.engine.dispatch", "def ring_all() -> None: ..."),
        ("batches.engine.dispatch", "class Bell:\n    def _rung(self) -> None: ..."),
        ("stack.process_group", "class Crew: ..."),
        ("claude.current_models", "def put_in_force() -> None: ..."),
        ("provider.models", "class LineupVersion: ..."),
        ("stack.command", "async def hold() -> None: ..."),
        ("tests.support.engine", "def test_the_ringing_again() -> None: ..."),
    ],
)
def test_the_guard_sees_a_name_that_was_replaced(module: str, text: str) -> None:
    assert list(violations(source(module, text)))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("templates_app.text.rendering", "def bring_string_during() -> None: ..."),
        ("batches.web.plans", "def store_what_is_kept() -> None: ..."),
        ("claude.model_card", "class ModelTable:\n    def cards(self) -> None: ..."),
        ("claude.client", "def answer_words_within_bounds() -> None: ..."),
        ("tests.support.waiting", "def kept() -> None: ..."),
    ],
)
def test_the_guard_lets_ordinary_names_pass(module: str, text: str) -> None:
    assert not list(violations(source(module, text)))
