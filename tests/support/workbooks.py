"""Small .xlsx workbooks for tests, written by hand so that they can be as odd as those that people send."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from lib.tables.header import make_column_letters

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
Cell = str | int | float | bool


def make_xlsx(
    sheets: Mapping[str, Sequence[Sequence[Cell]]],
    *,
    hidden: Sequence[str] = (),
    far_cell: str = "",
    padding: int = 0,
) -> bytes:
    """A workbook with these sheets. `far_cell` gets a value too; `padding` adds a file of so many zero bytes."""
    file = io.BytesIO()
    names = list(sheets)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _make_types(len(names)))
        archive.writestr("_rels/.rels", _make_relations([("officeDocument", "xl/workbook.xml")]))
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _make_relations([("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(names) + 1)]),
        )
        archive.writestr("xl/workbook.xml", _make_workbook(names, hidden))
        for number, rows in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", _make_sheet(rows, far_cell))
        if padding:
            with archive.open("xl/media/padding.bin", "w", force_zip64=True) as stream:
                for _ in range(padding >> 20):
                    stream.write(bytes(1 << 20))
    return file.getvalue()


def _make_types(count: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in range(1, count + 1)
    )
    return (
        f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{sheets}</Types>'
    )


def _make_relations(targets: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>'


def _make_workbook(names: Sequence[str], hidden: Sequence[str]) -> str:
    rows = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"{" state=" + quoteattr("hidden") if name in hidden else ""}/>'
        for n, name in enumerate(names, 1)
    )
    return f'{XML}<workbook xmlns="{SPREADSHEET}" xmlns:r="{OFFICE}"><sheets>{rows}</sheets></workbook>'


def _make_sheet(rows: Sequence[Sequence[Cell]], far_cell: str) -> str:
    lines = [
        f'<row r="{number}">{"".join(_make_cell(f"{make_column_letters(place)}{number}", cell) for place, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    ]
    if far_cell:
        digits = "".join(filter(str.isdigit, far_cell))
        lines.append(f'<row r="{digits}">{_make_cell(far_cell, "far")}</row>')
    return f'{XML}<worksheet xmlns="{SPREADSHEET}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _make_cell(place: str, value: Cell) -> str:
    if value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{escape(value)}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
