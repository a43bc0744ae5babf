"""Who may import whom (docs/architecture.md section 3), read from the sources."""

import ast
from collections.abc import Iterator

import pytest

from tests.guards.sources import ROOMS, Source, source, sources

BELOW = {
    "lib": set[str](),
    "workspaces": set[str](),
    "background": {"workspaces"},
    "templates_app": {"workspaces"},
    "documents": {"workspaces"},
    "claude": set[str](),
    "provider": {"claude", "workspaces"},
    "conversations": {"templates_app", "documents", "claude", "background", "workspaces"},
    "batches": {
        *("provider", "conversations", "templates_app", "documents", "claude", "background", "workspaces"),
    },
    "review": {
        "batches",
        "conversations",
        "templates_app",
        "documents",
        "claude",
        "background",
        "workspaces",
    },
    "exports": {
        "batches",
        "conversations",
        "templates_app",
        "documents",
        "claude",
        "background",
        "workspaces",
    },
    "analytics": {"batches", "conversations", "exports", "templates_app", "workspaces"},
    "stack": set[str](),
    "terminal": set(ROOMS),
    "lorapipe": set(ROOMS),
}
# Foreign packages that one place alone may know.
ONLY_IN = {
    "anthropic": ("claude.client", "claude.connections", "claude.failures"),
    "unfold": ("workspaces.admin_base",),
    "celery": ("batches", "exports", "documents.tasks", "lorapipe"),
    "redis": ("lorapipe", "lib.untrusted.tries"),
}
# These are used without a database, a request or settings: by tests, packs and the simulator.
PURE = (
    *("claude", "stack.environment", "stack.variables", "lorapipe.queues"),
    *(
        "templates_app.text.rendering",
        "templates_app.text.syntax",
        "templates_app.text.mistakes",
        "templates_app.text.names",
        "templates_app.text.variables",
        "templates_app.packs.pack",
    ),
    *(
        "templates_app.text.content",
        "templates_app.text.foreign",
        "templates_app.text.preview",
        "templates_app.text.differences",
        "templates_app.packs.template_file",
    ),
    *("conversations.parsing", "conversations.quality"),
    *("exports.formats", "exports.preflight", "exports.snippets", "exports.pushing.hub"),
)
PUBLIC_OF_LORAPIPE = "lorapipe.queues"


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import, wherever it stands; names of modules and of what is in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names)
            if node.level:
                yield node.lineno, "a relative import"


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def problems(checked: Source) -> list[str]:
    return [
        f"{checked.module}:{line} imports {name}: {why}"
        for line, name in imported(checked.tree)
        for why in reasons(checked, name)
    ]


def reasons(checked: Source, name: str) -> Iterator[str]:
    top = name.partition(".")[0]
    if top == "lorapipe" and checked.room not in ("lorapipe", "terminal"):
        if not within(name, (PUBLIC_OF_LORAPIPE,)):
            yield "only lorapipe.queues is for other rooms"
    elif top in BELOW and top not in {"lib", checked.room, *BELOW[checked.room]}:
        yield f"{checked.room} does not know {top}"
    if top in ONLY_IN and not within(checked.module, ONLY_IN[top]):
        yield f"only {', '.join(ONLY_IN[top])} may"
    if top in ("django", "rest_framework") and within(checked.module, PURE):
        yield "this module is pure"
    if name == "a relative import":
        yield "imports are absolute"


def test_imports_go_down_only() -> None:
    found = [problem for each in sources() for problem in problems(each)]
    assert not found, "\n".join(found)


def test_every_room_is_known() -> None:
    assert {each.room for each in sources()} >= {
        "workspaces",
        "templates_app",
        "claude",
        "conversations",
        "batches",
    }
    assert BELOW.keys() == set(ROOMS)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("lib.clock", "from workspaces.models import User"),
        ("workspaces.models", "from batches.models import BatchJob"),
        ("templates_app.packs.pack", "import claude"),
        ("claude.client", "from templates_app import packs"),
        ("claude.client", "from django.conf import settings"),
        ("conversations.models", "def later():\n    from batches import actions"),
        ("conversations.generation", "from celery import shared_task"),
        ("conversations.quality", "from django.db import models"),
        ("batches.engine.generate", "import anthropic"),
        ("batches.api.batches", "from lorapipe.settings import DEMO"),
        ("batches.api.batches", "from lorapipe import settings"),
        ("batches.admin", "from unfold.admin import ModelAdmin"),
        ("batches.limits.limiter", "import redis"),
        ("batches.api.batches", "from . import actions"),
        ("stack.command", "from terminal import options"),
        ("stack.command", "from batches.models import BatchJob"),
        ("batches.actions.jobs", "from stack import environment"),
        ("batches.actions.jobs", "if True:\n    import exports.formats"),
    ],
)
def test_the_guard_sees_a_bad_import(module: str, text: str) -> None:
    assert problems(source(module, text))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("batches.tasks", "from lorapipe.queues import Queue"),
        ("batches.tasks", "from celery import shared_task"),
        ("claude.client", "from lib import clock"),
        ("batches.engine.generate", "from claude.client import Client"),
        ("claude.client", "import anthropic"),
        ("workspaces.admin_base", "from unfold.admin import ModelAdmin"),
        ("lorapipe.urls", "from exports.web import downloads"),
    ],
)
def test_the_guard_lets_a_good_import_pass(module: str, text: str) -> None:
    assert not problems(source(module, text))
