"""The records of a CSV text: a list of cells for each row. They end at a quoting mistake, which is reported."""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from lib.row_problems import RowProblem

DELIMITERS = (",", ";", "\t", "|")
# Excel's first line that names the delimiter. A spreadsheet that saved the file again may have added quotes and delimiters.
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)?"?[,;\t|]*[ ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_BACKSLASH_QUOTE = '\\"'
# The csv module's own limit is 131,072 characters a cell, for the whole process. A file has a bound of its own.
csv.field_size_limit(max(csv.field_size_limit(), 25_000_000))


class Separated(NamedTuple):
    """A text without its `sep=` line. `delimiter` is empty when there was no such line, or it named none."""

    text: str
    delimiter: str
    line: str


def split_separator_line(text: str) -> Separated:
    """Take the line `sep=;` from the beginning of a text."""
    found = _SEPARATOR_LINE.match(text)
    if found is None:
        return Separated(text, "", "")
    return Separated(text[found.end() :], found.group(1) or "", found.group().strip())


def replace_backslash_quotes(text: str) -> str:
    r"""The text with `\"` written as `""`, as CSV does."""
    return text.replace(_BACKSLASH_QUOTE, '""')


class DelimitedRecords:
    """Iterates over the records of a text. `problems` has the quoting mistake at which they end."""

    def __init__(self, text: str, delimiter: str) -> None:
        # newline="" keeps CR LF inside cells; strict=True finds a quote that is never closed.
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._number = 0
        self.problems: list[RowProblem] = []

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        if self.problems:
            raise StopIteration
        self._number += 1
        try:
            return next(self._reader)
        except csv.Error as error:
            self.problems.append(
                RowProblem(self._number, "", _describe_quoting_error(error, self._reader.line_num))
            )
            raise StopIteration from error


def _describe_quoting_error(error: csv.Error, line: int) -> str:
    if "unexpected end" in str(error):
        return 'A cell begins with a quote (") that is never closed. Close it, and double the quotes inside a cell ("").'
    return (
        f'The quotes are not right near line {line} ({error}). Double the quotes inside a quoted cell ("").'
    )
