"""What is said about an uploaded file before it is read."""

from types import SimpleNamespace

import pytest

from lib.tables.limits import LONGEST_SHEET, TableBounds, clean_sheet, find_upload_problem

BOUNDS = TableBounds(bytes=1_000, rows=10)


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (None, "Choose a file first."),
        (SimpleNamespace(size=1_001), "The file has 1,001 bytes; at most 1,000 are allowed. Split it."),
        (SimpleNamespace(size=1_000), None),
        (SimpleNamespace(size=None), None),
    ],
)
def test_a_file_that_is_missing_or_too_large(upload: object, words: str | None) -> None:
    problem = find_upload_problem(upload, BOUNDS)
    assert (problem and problem.message) == words


def test_the_name_of_a_sheet_has_no_nul_and_is_no_longer_than_any() -> None:
    assert clean_sheet(" Q\0 1 ") == "Q 1"
    assert clean_sheet("x" * 200) == "x" * LONGEST_SHEET
