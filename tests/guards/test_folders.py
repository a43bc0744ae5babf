"""The folders of a room: in which order they stand, and how many modules each may hold (docs/architecture.md section 2)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.guards.sources import ROOT, Source, source, sources
from tests.guards.test_imports import imported

# From the lowest to the highest. A folder imports only folders of lower ranks; those of one rank know nothing of each other.
ORDER = {
    "batches": [["models"], ["limits"], ["planning", "reports"], ["engine"], ["actions"], ["web", "api"]],
    "conversations": [["models"], ["web", "api"]],
    "exports": [
        ["formats"],
        ["snippets", "preflight"],
        ["models"],
        ["selection"],
        ["unreviewed", "importing", "reviewing"],
        ["running"],
        ["pushing"],
        ["web", "api"],
    ],
    "workspaces": [["models"], ["audit_log"], ["tokens"], ["web"]],
    "templates_app": [
        ["text", "states"],
        ["models"],
        ["prompts"],
        ["library"],
        ["packs"],
        ["web", "api"],
    ],
}
MOST_MODULES = 16
LONGEST_FILE = 400
WITHOUT_LIMIT = ("migrations", "tests", "vendor", ".venv")


def rank_of(room: str, folder: str) -> int | None:
    ranks = [rank for rank, folders in enumerate(ORDER.get(room, [])) if folder in folders]
    return ranks[0] if ranks else None


def problems(checked: Source) -> Iterator[str]:
    room, _, rest = checked.module.partition(".")
    folder = rest.partition(".")[0]
    own = rank_of(room, folder)
    if own is None:
        return
    for line, name in imported(checked.tree):
        other = name.removeprefix(f"{room}.").partition(".")[0]
        rank = rank_of(room, other) if name.startswith(f"{room}.") else None
        if rank is not None and other != folder and rank >= own:
            yield f"{checked.module}:{line} imports {name}: {folder} stands below {other} or beside it"


def crowded(paths: Iterable[Path]) -> list[str]:
    """Folders with more modules than one sees at a glance; `__init__.py` is none."""
    counts = Counter(path.parent for path in paths if path.name != "__init__.py")
    return [f"{folder}: {count} modules" for folder, count in counts.items() if count > MOST_MODULES]


def own_files() -> list[Path]:
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    return [path for path in paths if not set(path.parts) & set(WITHOUT_LIMIT)]


def test_the_folders_of_a_room_import_downwards_only() -> None:
    found = [problem for each in sources() for problem in problems(each)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("batches.models.jobs", "from batches.limits import limiter"),
        ("batches.limits.limiter", "from batches.planning.plan import PlannedItem"),
        ("batches.planning.plan", "from batches.reports.progress import progress"),
        ("batches.reports.progress", "from batches.engine import moves"),
        ("batches.engine.claim", "from batches.actions.jobs import pause"),
        ("batches.actions.filling", "from batches.web.plans import plan_page"),
        ("batches.web.jobs.views", "from batches.api import responses"),
        ("batches.api.batches", "from batches.web.jobs.batch_page import items_of"),
        ("templates_app.text.rendering", "from templates_app.models import PromptTemplate"),
        ("templates_app.prompts.editing", "from templates_app.packs import template_file"),
        ("templates_app.api.library", "from templates_app.web.library import list_tags"),
        ("conversations.api.conversations", "from conversations.web import views"),
        ("exports.formats.messages", "from exports.models import Export"),
        ("exports.running.writing", "from exports.web.downloads import make_file_response"),
    ],
)
def test_the_guard_sees_an_import_upwards(module: str, text: str) -> None:
    assert list(problems(source(module, text)))


def test_no_folder_is_crowded() -> None:
    assert not crowded(own_files())


def test_the_guard_sees_a_crowded_folder() -> None:
    assert crowded(Path(f"batches/engine/module_{number}.py") for number in range(MOST_MODULES + 1))


def test_no_file_is_long() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in own_files()}
    assert not {str(path): count for path, count in lines.items() if count > LONGEST_FILE}
