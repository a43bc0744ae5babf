"""A program of its own: reads a workbook from standard input, and writes one sheet as JSON to standard output.

It runs in a process with a limit of memory and time, because a small file can ask for any amount of both. It imports
nothing of the project, so that it starts quickly. `workbook.py` starts it.

Argument: a JSON object with `sheet`, `memory`, `cpu_s`, `unpacked_bytes`, `packed_files`, `rows`, `characters`.
Answer: {"rows": [[row number, {place: text}, width], ...], "notes": [text]}, or {"problem": text}.
"""

import datetime
import io
import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

OPEN_AND_SAVE = "Open it in a spreadsheet and save it as .xlsx or as CSV."
LARGEST_EXACT = 10**15
CHUNK = 1 << 20


class Refused(Exception):
    """The workbook cannot be read; the message says why and what to do."""


def main() -> None:
    limits = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = read(sys.stdin.buffer.read(), limits)
    except Refused as refused:
        answer = {"problem": str(refused)}
    except PasswordError:
        answer = {"problem": "The workbook is protected by a password. Save it without one."}
    except CalamineError as wrong:
        answer = {
            "problem": f"The workbook is damaged, or it is another kind of file ({wrong}). {OPEN_AND_SAVE}"
        }
    except zipfile.BadZipFile as wrong:
        answer = {"problem": f"The workbook is damaged ({wrong}). {OPEN_AND_SAVE}"}
    sys.stdout.write(json.dumps(answer))


def read(content: bytes, limits: Mapping[str, Any]) -> dict[str, Any]:
    if content.startswith(b"PK"):
        check_packed_size(content, limits)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    names = [each.name for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    if limits["sheet"]:
        name = find_sheet(limits["sheet"], names)
        return {"rows": list(read_rows(book.get_sheet_by_name(name), limits)), "notes": []}
    hidden = {each.name for each in book.sheets_metadata if each.visible != SheetVisibleEnum.Visible}
    for name in sorted(names, key=lambda each: each in hidden):
        if rows := list(read_rows(book.get_sheet_by_name(name), limits)):
            more = f" It has {len(names)}: {', '.join(names)}." if len(names) > 1 else ""
            note = f"The sheet {name!r} of the workbook was read.{more}"
            return {"rows": rows, "notes": [note] if more else []}
    return {"rows": [], "notes": []}


def check_packed_size(content: bytes, limits: Mapping[str, Any]) -> None:
    """Unpack each file of the archive to nowhere, and refuse the archive at the bound."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = archive.infolist()
        if len(files) > limits["packed_files"]:
            raise Refused(
                f"The workbook has {len(files):,} files inside; at most {limits['packed_files']:,} are allowed."
            )
        name_other_kind({file.filename for file in files})
        left = limits["unpacked_bytes"]
        for file in files:
            left -= min(measure(archive, file, left), left + 1)
            if left < 0:
                most = limits["unpacked_bytes"] // 1_000_000
                raise Refused(
                    f"The workbook has more than {most:,} MB when it is unpacked, which is the most allowed. Split it."
                )


def measure(archive: zipfile.ZipFile, file: zipfile.ZipInfo, most: int) -> int:
    """The unpacked bytes of a file, counted until they are more than `most`."""
    if file.flag_bits & 1:
        raise Refused("The workbook is protected by a password. Save it without one.")
    size = 0
    try:
        with archive.open(file) as stream:
            while size <= most and (chunk := stream.read(CHUNK)):
                size += len(chunk)
    except (NotImplementedError, EOFError, OSError, zlib.error) as wrong:
        raise Refused(f"The workbook is damaged ({wrong}). {OPEN_AND_SAVE}") from wrong
    return size


def name_other_kind(names: set[str]) -> None:
    """Refuse archives that are no workbook, by what they are."""
    if "Index/Document.iwa" in names or "Index.zip" in names:
        raise Refused("The file is a document of Apple Numbers. Export it as Excel or CSV (File, Export To).")
    if "word/document.xml" in names:
        raise Refused(
            "The file is a document of Word. Put its table into a spreadsheet and save it as .xlsx or as CSV."
        )
    if "ppt/presentation.xml" in names:
        raise Refused(
            "The file is a presentation. Put its table into a spreadsheet and save it as .xlsx or as CSV."
        )
    if not any(name.startswith("xl/") or name == "content.xml" for name in names):
        raise Refused("The file is a zip archive without a workbook. Unpack it and choose the file inside.")


def find_sheet(wanted: str, names: list[str]) -> str:
    """The sheet of this name, in any case, or of this number."""
    key = wanted.strip().casefold()
    for name in names:
        if name == wanted or name.strip().casefold() == key:
            return name
    if key.isdecimal() and 1 <= int(key) <= len(names):
        return names[int(key) - 1]
    raise Refused(f"The workbook has no sheet {wanted!r}; there are: {', '.join(names[:50])}.")


def read_rows(sheet: CalamineSheet, limits: Mapping[str, Any]) -> Iterator[tuple[int, dict[int, str], int]]:
    """The rows with a value: the number as the spreadsheet shows it, the cells by place, and the width."""
    if sheet.start is None:
        return
    left = sheet.start[1]  # blank columns before the table are not in its rows, blank rows above it are
    characters = count = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = {left + place: text for place, cell in enumerate(row) if (text := format_cell(cell)).strip()}
        characters += sum(map(len, cells.values()))
        if characters > limits["characters"]:
            raise Refused(
                f"The sheet has more than {limits['characters']:,} characters, which is the most allowed. Split it."
            )
        if cells:
            yield number, cells, left + len(row)
            count += 1
        if count == limits["rows"]:
            return  # more than the caller takes


def format_cell(value: Any) -> str:
    """The text of a cell as a spreadsheet writes it into a CSV file, with dates as 2026-11-30."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < LARGEST_EXACT else repr(value)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    return str(value)


if __name__ == "__main__":
    main()
