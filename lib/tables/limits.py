"""How large a file that people upload may be. Everything is checked before it is computed, and each refusal says the bound."""

from pathlib import Path
from typing import Any, NamedTuple

from lib.row_problems import RowProblem, RowsError, make_file_error


class TableBounds(NamedTuple):
    """What a table of one place may have: bytes of the file, rows below the header, columns, and cells with a value."""

    bytes: int
    rows: int
    columns: int = 1_000
    cells: int = 500_000


LONGEST_SHEET = 100  # characters of the name of a sheet; Excel allows 31
# A header is searched in this many first rows that are not blank.
ROWS_TO_HEADER = 20
# The delimiter is chosen by this many first rows, blank ones with delimiters among them.
ROWS_TO_DELIMITER = 20_000
# Blank rows that a file may have, on top of its rows.
BLANK_ROWS = 200_000
# A longer name of a column is shortened in messages, and no similar name is looked for.
LONGEST_SHOWN_NAME = 60
# Workbooks. A compressed file of 42 kB can hold petabytes, so the content is measured before it is read.
UNPACKED_BYTES = 100_000_000
PACKED_FILES = 2_000
WORKBOOK_CHARACTERS = 20_000_000
WORKBOOK_MEMORY = 384 * 1024 * 1024
WORKBOOK_CPU_S = 15
WORKBOOK_WAIT_S = 30


def make_too_many_rows(bounds: TableBounds) -> RowsError:
    return make_file_error(
        f"The file has more than {bounds.rows:,} rows; at most {bounds.rows:,} are allowed. Split it."
    )


def check_size(content: bytes, most: int) -> None:
    """Raise RowsError for a file with more than `most` bytes."""
    if len(content) > most:
        raise make_file_error(describe_size(len(content), most))


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file with at most `most` bytes, which are all that is read. Raises RowsError for a larger one."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise make_file_error(describe_size(max(path.stat().st_size, len(content)), most))
    return content


def find_upload_problem(upload: Any, bounds: TableBounds) -> RowProblem | None:
    """Why an uploaded file is not even read: there is none (None), or it is too large. Anything with a `size` in bytes."""
    if upload is None:
        return RowProblem(None, "", "Choose a file first.")
    if (upload.size or 0) > bounds.bytes:
        return RowProblem(None, "", describe_size(upload.size or 0, bounds.bytes))
    return None


def clean_sheet(name: str) -> str:
    """The name of a sheet as somebody typed it, without NUL, and no longer than any sheet's."""
    return name.replace("\0", "").strip()[:LONGEST_SHEET]


def describe_size(size: int, most: int) -> str:
    return f"The file has {size:,} bytes; at most {most:,} are allowed. Split it."
