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
# Characters. The csv module's own limit is 131,072, for the whole process. It takes eight bytes for each while it reads.
LONGEST_CELL = LONGEST_LINE = 4_000_000
csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))


# Excel has 16,384 columns. What is no table at all has millions of cells in a line, and each is an object in memory.
MOST_CELLS_OF_A_LINE = 20_000
# Characters of a line in which so many delimiters may stand within quotes.
LONGEST_QUOTED_LINE = 1_000_000
_QUOTED = re.compile(r'"(?:[^"]|"")*+"?')


class TooWide(csv.Error):
    """A line has more cells than any table."""


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
    """Iterates over the records of a text. `problems` has the quoting mistake, or the line of too many cells, at which they end."""

    def __init__(self, text: str, delimiter: str) -> None:
        # newline="" keeps CR LF inside cells; strict=True finds a quote that is never closed.
        self._reader = csv.reader(_read_lines(text, delimiter), delimiter=delimiter, strict=True)
        self._number = 0
        self.problems: list[RowProblem] = []
        self.is_too_wide = False

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        if self.problems:
            raise StopIteration
        self._number += 1
        try:
            return next(self._reader)
        except csv.Error as error:
            self.is_too_wide = isinstance(error, TooWide)
            self.problems.append(RowProblem(self._number, "", _describe_error(error, self._reader.line_num)))
            raise StopIteration from error


def _read_lines(text: str, delimiter: str) -> Iterator[str]:
    """The lines with their ends. Raises TooWide for a longer one, or before the cells of a line with too many are made."""
    for line in _split_lines(text):
        if len(line) > MOST_CELLS_OF_A_LINE:  # a shorter one cannot have as many
            _check_width(line, delimiter)
        yield line


def _check_width(line: str, delimiter: str) -> None:
    if len(line) > LONGEST_LINE:
        raise TooWide(f"has more than {LONGEST_LINE:,} characters in one line; break it into rows.")
    if _count(line, delimiter) > MOST_CELLS_OF_A_LINE:
        raise TooWide(
            f"has more than {MOST_CELLS_OF_A_LINE:,} cells in one line; remove those without values."
        )


def _split_lines(text: str) -> Iterator[str]:
    """The lines with their ends, which are LF, CR LF or CR. StringIO holds four bytes for each character of the whole text."""
    if "\r" in text:
        yield from io.StringIO(text, newline="")
        return
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _count(line: str, delimiter: str) -> int:
    """The delimiters of a line. Those within quotes are taken off only where there are many, because that is slower."""
    found = line.count(delimiter)
    if found > MOST_CELLS_OF_A_LINE and len(line) <= LONGEST_QUOTED_LINE:
        return _QUOTED.sub("", line).count(delimiter)
    return found


def _describe_error(error: csv.Error, line: int) -> str:
    if isinstance(error, TooWide):
        return str(error)
    if "field larger" in str(error):
        return f'A cell has more than {LONGEST_CELL:,} characters. Close its quote ("), or shorten it.'
    if "unexpected end" in str(error):
        return 'A cell begins with a quote (") that is never closed. Close it, and double the quotes inside a cell ("").'
    return (
        f'The quotes are not right near line {line} ({error}). Double the quotes inside a quoted cell ("").'
    )
