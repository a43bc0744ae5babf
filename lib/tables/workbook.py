"""Reads a sheet of a workbook in a process of its own, whose memory and time are limited."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lib.row_problems import make_file_error
from lib.tables import limits
from lib.tables.header import Record
from lib.tables.limits import TableBounds

PROGRAM = Path(__file__).with_name("workbook_program.py")
TOO_MUCH = (
    "The workbook needs more memory or time than is allowed. Is there a value far away from the table? "
    "Copy the table alone into a new workbook, or save it as CSV."
)
BUSY = "Other workbooks are being read just now. Try again in a moment."
# So many workbooks are read at once in one process of ours; each takes a core and its memory.
_places = threading.BoundedSemaphore(2)


class SheetRows(NamedTuple):
    rows: list[Record]
    notes: list[str]


def read_workbook(content: bytes, *, sheet: str, bounds: TableBounds) -> SheetRows:
    """The rows with a value of the sheet with this name or number, or else of the first visible sheet with values.

    Raises RowsError for a workbook that cannot be read, is protected, has no such sheet, or takes too much.
    """
    if not _places.acquire(timeout=limits.WORKBOOK_WAIT_S):
        raise make_file_error(BUSY)
    try:
        answer = _run_program(content, _list_limits(sheet, bounds))
    finally:
        _places.release()
    if "problem" in answer:
        raise make_file_error(answer["problem"])
    rows = [
        Record(number, {int(place): text for place, text in cells.items()}, width)
        for number, cells, width in answer["rows"]
    ]
    return SheetRows(rows, answer["notes"])


def _list_limits(sheet: str, bounds: TableBounds) -> dict[str, Any]:
    return {
        "sheet": sheet,
        "memory": limits.WORKBOOK_MEMORY,
        "cpu_s": limits.WORKBOOK_CPU_S,
        "unpacked_bytes": limits.UNPACKED_BYTES,
        "packed_files": limits.PACKED_FILES,
        "rows": bounds.rows + limits.ROWS_TO_HEADER + 1,
        "characters": limits.WORKBOOK_CHARACTERS,
    }


def _run_program(content: bytes, given: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the program. It gets no environment, and so no secrets. Raises RowsError when it dies or hangs."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(PROGRAM), json.dumps(given)],
            input=content,
            capture_output=True,
            timeout=limits.WORKBOOK_WAIT_S,
            env={},
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as wrong:
        raise make_file_error(TOO_MUCH) from wrong
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
