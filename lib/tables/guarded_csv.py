"""Rows as CSV for spreadsheets: each cell in quotation marks, CR LF after a row, and no cell that would run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from lib.tables.formulas import add_guard

BYTE_ORDER_MARK = "\ufeff"  # before the first row: without it Excel does not read UTF-8


def encode_rows(rows: Iterable[Sequence[Any]], *, first: str = "") -> bytes:
    """The rows in UTF-8, after the text `first`."""
    text = io.StringIO(first, newline="")
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(
        [add_guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue().encode()
