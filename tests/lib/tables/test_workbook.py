"""Workbooks are read by their content, from the first sheet with values or a chosen one, in bounded memory and time."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from lib.row_problems import RowsError
from lib.tables.header import KnownColumns
from lib.tables.limits import TableBounds
from lib.tables.reading import Table, read_table
from tests.support.workbooks import make_xlsx

KNOWN = KnownColumns(["topic", "persona", "context"], key="topic")
BOUNDS = TableBounds(bytes=20_000_000, rows=100)
SHEETS = Path(__file__).with_name("sheets")
HEADER = ["topic", "persona"]


def read(content: bytes, sheet: str = "") -> Table:
    return read_table(content, known=KNOWN, bounds=BOUNDS, sheet=sheet)


def list_rows(content: bytes, sheet: str = "") -> list[dict[str, str]]:
    table = read(content, sheet)
    assert table.problems == []
    return [row.cells for row in table.rows]


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_a_workbook_has_the_rows_of_its_csv_file(ending: str) -> None:
    workbook = read((SHEETS / f"sheet.{ending}").read_bytes())
    text = read((SHEETS / "comma_utf8.csv").read_bytes())
    assert workbook.rows == text.rows
    assert len(text.rows) == 30


def test_numbers_are_written_as_a_spreadsheet_shows_them() -> None:
    content = make_xlsx(
        {"S": [["topic", "context"], *(["a", cell] for cell in (41, 2.5, True, "007", 1e-7, 1e21))]}
    )
    assert [row["context"] for row in list_rows(content)] == ["41", "2.5", "TRUE", "007", "1e-07", "1e+21"]


def test_a_table_need_not_begin_in_the_corner() -> None:
    content = make_xlsx({"S": [[], ["", "Plan"], [], ["", "", *HEADER], ["", "", "rent", "Nurse"]]})
    table = read(content)
    assert [(row.number, row.cells) for row in table.rows] == [(5, {"topic": "rent", "persona": "Nurse"})]
    assert "found in row 4" in table.notes[0]


TWO_SHEETS = make_xlsx(
    {
        "Notes": [],
        "Spring": [HEADER, ["rent", "Nurse"]],
        "Autumn ": [HEADER, ["food", "Cook"]],
        "4": [HEADER, ["four", "x"]],
    }
)


@pytest.mark.parametrize(
    ("sheet", "topic"),
    [("", "rent"), ("Autumn ", "food"), ("autumn", "food"), ("3", "food"), ("2", "rent"), ("4", "four")],
)
def test_the_first_sheet_with_values_or_the_chosen_one(sheet: str, topic: str) -> None:
    assert list_rows(TWO_SHEETS, sheet)[0]["topic"] == topic


def test_the_sheet_is_told_where_there_are_several() -> None:
    [note] = read(TWO_SHEETS).notes
    assert "'Spring'" in note
    assert "Notes, Spring, Autumn" in note
    with pytest.raises(RowsError, match="has no sheet 'Winter'; there are: Notes, Spring, Autumn"):
        read(TWO_SHEETS, "Winter")
    assert "no sheet to choose" in read(b"topic\na\n", "Spring").notes[0]


def test_a_hidden_sheet_comes_after_the_visible_ones() -> None:
    content = make_xlsx({"Lists": [["x"]], "Plan": [HEADER, ["rent", "Nurse"]]}, hidden=["Lists"])
    assert list_rows(content)[0]["topic"] == "rent"


def make_zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


PAGE = b"<html><head><meta charset='utf-8'></head><body><table><tr><td>topic</td></tr></table></body></html>"
WORKBOOK_XML = (
    b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:x"></Workbook>'
)
OTHER_KINDS: dict[str, tuple[bytes, str]] = {
    "a web page": (
        PAGE,
        "is a web page (HTML), as some programs export it under the name .xls. Open it in a spreadsheet",
    ),
    "a bare table": (
        b"\xef\xbb\xbf\n <TABLE border=1><tr><td>topic</td></tr></TABLE>",
        "is a web page (HTML)",
    ),
    "a page in UTF-16": (PAGE.decode().encode("utf-16"), "is a web page (HTML)"),
    "a page with an XML line": (
        b'<?xml version="1.0"?>\n<!DOCTYPE html><html></html>',
        "is a web page (HTML)",
    ),
    "a web archive": (b"MIME-Version: 1.0\nContent-Type: multipart/related\n", "is a web page (HTML)"),
    "XML of Excel 2003": (WORKBOOK_XML, "is XML, as some programs export it under the name .xls"),
    "a PDF": (b"%PDF-1.7\n", "The file is a PDF. Open it in a spreadsheet and save it as .xlsx or as CSV."),
    "gzip": (gzip.compress(b"topic\na\n"), "is compressed (gzip); unpack it first"),
    "a zip archive": (make_zip("plan.csv"), "is a zip archive without a workbook"),
    "a document of Word": (make_zip("[Content_Types].xml", "word/document.xml"), "is a document of Word"),
    "a document of Numbers": (
        make_zip("Index/Document.iwa"),
        "is a document of Apple Numbers. Export it as Excel",
    ),
    "half a workbook": (make_xlsx({"S": [HEADER]})[:600], "The workbook is damaged"),
    "a workbook without sheets": (
        make_zip("[Content_Types].xml", "xl/workbook.xml"),
        "The workbook is damaged",
    ),
    "an old workbook in ruins": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "The workbook is damaged"),
    "an empty workbook": (make_xlsx({"S": []}), "The file is empty"),
}


@pytest.mark.parametrize(("content", "said"), OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
def test_other_kinds_of_files_are_named(content: bytes, said: str) -> None:
    with pytest.raises(RowsError) as caught:
        read(content)
    assert said in str(caught.value)


def test_a_bomb_is_measured_before_it_is_read() -> None:
    content = make_xlsx({"S": [HEADER]}, padding=120 << 20)
    assert len(content) < 200_000
    with pytest.raises(RowsError, match="has more than 100 MB when it is unpacked"):
        read(content)


def test_a_bomb_that_lies_about_its_size() -> None:
    """The size in the archive's directory is what a writer put there; the bytes are counted instead."""
    content = make_xlsx({"S": [HEADER]}, padding=120 << 20)
    true_size = (120 << 20).to_bytes(4, "little")
    with pytest.raises(RowsError, match=r"damaged|unpacked"):
        read(content.replace(true_size, (1000).to_bytes(4, "little")))


def test_a_cell_far_away_takes_bounded_memory() -> None:
    with pytest.raises(RowsError, match="needs more memory or time than is allowed"):
        read(make_xlsx({"S": [HEADER, ["rent", "Nurse"]]}, far_cell="XFD1048576"))


def test_rows_are_bounded_as_in_a_text() -> None:
    with pytest.raises(RowsError, match="more than 100 rows; at most 100 are allowed"):
        read(make_xlsx({"S": [HEADER, *(["a", "b"] for _ in range(101))]}))
    assert len(read(make_xlsx({"S": [HEADER, *(["a", "b"] for _ in range(100))]})).rows) == 100


def test_the_program_gets_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the provider is nothing for a program that reads files of strangers."""
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    assert len(read((SHEETS / "sheet.ods").read_bytes()).rows) == 30
