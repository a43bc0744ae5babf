"""What the documents name is there: files in words and links, and each guard in the table of CONTRIBUTING.md."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.guards.sources import ROOT

ENDINGS = "py|html|toml|md|css|js|sh|txt|yml|yaml|lock|json"
FILE = re.compile(rf"\.?[\w-][\w./-]*\.(?:{ENDINGS})")
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PAGE = re.compile(r"[\w./-]*\w\.md\b")
COMMAND = re.compile(r"^    (?:\./)?(\.?\w[\w./-]*)(?= |$)", re.MULTILINE)
# Folders of tools and of data; `.ci` and `.github` are ours.
NOT_OURS = {".git", ".venv", ".data", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "htmlcov"}
# Files that a run makes, and those that a reader is to have.
MADE_LATER = {"stack.json", "stack.lock", "templates.toml", "FILE.jsonl.manifest.json"}


def repository_files() -> set[str]:
    tops = [path for path in ROOT.iterdir() if path.name not in NOT_OURS]
    paths = [each for top in tops for each in (top.rglob("*") if top.is_dir() else [top])]
    return {str(path.relative_to(ROOT)) for path in paths if path.is_file()}


def path_ends(files: Iterable[str]) -> set[str]:
    """`batches/engine/claim.py` is also known as `engine/claim.py` and as `claim.py`."""
    return {path[at:] for path in files for at in [0, *(each.end() for each in re.finditer("/", path))]}


def documents() -> list[Path]:
    """Every document but the changelog, which tells of what was."""
    top = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return sorted([*top, *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob(".github/**/*.md")])


def missing(text: str, folder: Path, files: set[str]) -> Iterator[str]:
    """What the text names and is not there. A file may be named by the end of its path."""
    known = path_ends(files) | MADE_LATER
    words = [word for quoted in QUOTED.findall(text) for word in quoted.split()]
    yield from (word for word in words if FILE.fullmatch(word) and word not in known)
    yield from unknown_pages(QUOTED.sub("", LINK.sub("]", text)), known)
    for target in LINK.findall(text):
        if "://" not in target and not (folder / target).exists():
            yield target


def unknown_pages(text: str, known: set[str]) -> Iterator[str]:
    """Documents that the text names without quoting or linking them, as a comment does."""
    yield from (
        name for name in PAGE.findall(text) if "//" not in name and name.removeprefix("../") not in known
    )


def test_the_documents_name_what_is_there() -> None:
    files = repository_files()
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in documents()
        for name in missing(path.read_text(), path.parent, files)
    ]
    assert not found, "\n".join(found)


def test_the_code_names_documents_that_are_there() -> None:
    """`docs/execution.md section 3` in a comment."""
    files = repository_files()
    known = path_ends(files)
    sources = [
        ROOT / name for name in sorted(files) if name.endswith((".py", ".html", ".css", ".js", ".toml"))
    ]
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        if path != Path(__file__)
        for name in unknown_pages(path.read_text(), known)
    ]
    assert not found, "\n".join(found)


def test_the_commands_of_the_documents_can_be_run() -> None:
    """A line of code that begins with a file of the repository: `    scripts/at_date.py +40d ./run test`."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in documents()
        for name in COMMAND.findall(path.read_text())
        if (ROOT / name).is_file() and not os.access(ROOT / name, os.X_OK)
    }
    assert found == set()


# `tests/access/test_access.py::test_a_token_opens_no_more_than_a_session`
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def list_missing_tests(text: str) -> list[str]:
    """The tests that a text names and that are not there."""
    return [
        f"{path}::{name}"
        for path, name in TEST.findall(text)
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text()
    ]


def test_each_promise_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    promises = [line for line in text.splitlines() if line.startswith("| ") and "promise | shown" not in line]
    assert len(promises) > 20
    assert [line for line in promises if not TEST.search(line)] == []
    assert [name for path in documents() for name in list_missing_tests(path.read_text())] == []


def test_the_guard_sees_a_test_that_is_not_there() -> None:
    here = "tests/guards/test_docs.py"
    assert list_missing_tests(f"`{here}::test_of_nothing` and `tests/gone.py::test_x`") == [
        f"{here}::test_of_nothing",
        "tests/gone.py::test_x",
    ]
    assert list_missing_tests(f"`{here}::test_the_guard_sees_a_test_that_is_not_there`") == []


def test_every_guard_is_told_to_whoever_joins() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text()
    guards = [f"tests/guards/{path.name}" for path in sorted((ROOT / "tests" / "guards").glob("test_*.py"))]
    assert [name for name in guards if f"| `{name}` |" not in told] == []


@pytest.mark.parametrize(
    "text",
    [
        "see `batches/nothing.py`",
        "see [there](nothing.md#part)",
        "`python gone.py -x`",
        "see gone.md section 3",
    ],
)
def test_the_guard_sees_what_is_not_there(text: str) -> None:
    assert list(missing(text, ROOT, {"manage.py"}))


@pytest.mark.parametrize(
    "text", ["`engine/claim.py`", "[here](README.md)", "[far](https://example.org/x.md)", "`FILE.jsonl`"]
)
def test_the_guard_lets_pass_what_is_there(text: str) -> None:
    assert not list(missing(text, ROOT, {"batches/engine/claim.py"}))
