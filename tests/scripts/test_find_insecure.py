"""One explanation is enough for ruff and for bandit."""

import pytest

from scripts.find_insecure import ROOT, is_explained, list_explained


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("x = f'{y}'  # noqa: S608", ["608"]),
        ("x = 1  # noqa: SIM115, S603 (why)", ["603"]),
        ("x = 1  # noqa", []),
        ("x = 1  # S608", []),
    ],
)
def test_an_explanation_names_its_rule(line: str, numbers: list[str]) -> None:
    assert list_explained([line]) == numbers


def test_only_the_lines_of_the_finding_explain_it() -> None:
    place = "lorapipe/templatetags/ui.py"
    lines = (ROOT / place).read_text().splitlines()
    number = next(n for n, line in enumerate(lines, start=1) if "noqa: S308" in line)
    found = {"filename": place, "test_id": "B703", "line_range": [number]}
    assert is_explained(found)
    assert not is_explained({**found, "test_id": "B608"})
    assert not is_explained({**found, "line_range": [number - 2]})
