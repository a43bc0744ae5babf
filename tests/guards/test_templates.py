"""Templates that a diff can be read of: short lines; and each of them compiles."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.guards.sources import ROOMS, ROOT

LONGEST = 120


def find_templates() -> Iterator[tuple[str, Path]]:
    """Each template of ours: its name for Django, and its file."""
    for room in ROOMS:
        for folder in (ROOT / room).rglob("templates"):
            yield from ((str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*.html")))


def find_long_lines(name: str, text: str) -> list[str]:
    """Each line that is too long, with its place."""
    return [
        f"{name}:{number} has {len(line)} characters, of at most {LONGEST}"
        for number, line in enumerate(text.split("\n"), start=1)
        if len(line) > LONGEST
    ]


def test_no_line_of_a_template_is_too_long() -> None:
    found = list(find_templates())
    assert len(found) > 60
    assert [line for name, path in found for line in find_long_lines(name, path.read_text())] == []


def test_a_long_line_is_seen() -> None:
    """A planted violation, in characters, not bytes; the tags of Django count as they are written."""
    planted = "{% load ui %}\n" + "·" * 120 + "\n{% if a %}" + "x" * 100 + "{% endif %}\n"
    assert find_long_lines("planted.html", planted) == ["planted.html:3 has 121 characters, of at most 120"]


@pytest.mark.parametrize("name", [name for name, _ in find_templates()])
def test_each_template_compiles(name: str) -> None:
    get_template(name)
