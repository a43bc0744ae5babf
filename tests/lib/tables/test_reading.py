"""Tables as spreadsheets, programs and people write them: what is certain is read, and a note tells what was done."""

import csv
import io
from collections.abc import Sequence

import pytest

from lib.row_problems import RowsError
from lib.tables.header import KnownColumns
from lib.tables.limits import TableBounds
from lib.tables.reading import Table, read_table

KNOWN = KnownColumns(["topic", "persona", "context", "expected_behaviour"], key="topic", prefix="parameters.")
BOUNDS = TableBounds(bytes=1_000_000, rows=50, columns=20, cells=300)
Rows = Sequence[Sequence[str]]
TWO = (("moving in together", "Nurse"), ("a fine, unpaid", "Farmer"))


def read(content: bytes | str, bounds: TableBounds = BOUNDS) -> Table:
    given = content.encode() if isinstance(content, str) else content
    return read_table(given, known=KNOWN, bounds=bounds)


def write(rows: Rows, delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def list_rows(table: Table) -> list[dict[str, str]]:
    assert [str(problem) for problem in table.problems] == []
    return [row.cells for row in table.rows]


HEADED = (("topic", "persona"), *TWO)
EXPECTED = [{"topic": topic, "persona": persona} for topic, persona in TWO]
# Each gives the same two rows; the text is a part of a note, or empty if there is nothing to tell.
SAME_ROWS: dict[str, tuple[str, str]] = {
    # A line that names the delimiter.
    "sep with a semicolon": (f"sep=;\r\n{write(HEADED, ';')}", "'sep=;', names the delimiter"),
    "sep with a comma": (f"sep=,\n{write(HEADED, end=chr(10))}", "'sep=,', names the delimiter"),
    "sep with a tab, in capitals": (f"SEP=\t\r\n{write(HEADED, chr(9))}", "names the delimiter"),
    "sep with a bar, in quotes": (f'"sep=|"\r\n{write(HEADED, "|")}', "names the delimiter"),
    "sep that was saved again": (f"sep=;,,,\r\n{write(HEADED, ';')}", "names the delimiter"),
    "sep with an unusual mark": (f"sep=^\r\n{write(HEADED, '^')}", "names the delimiter"),
    "sep and a title": (f"sep=;\r\nMy plan;\r\n{write(HEADED, ';')}", "'My plan'"),
    # What stands above the header.
    "a caption": (
        f"Table 1,\r\n{write(HEADED)}",
        "found in row 2. What stands above it was left out: 'Table 1'",
    ),
    "two captions and a blank row": (f"Plan of May,\n,\nDraft,\n{write(HEADED)}", "found in row 4"),
    "empty cells above": (f",,,\r\n{write(HEADED)}", "found in row 2, below blank rows"),
    "empty lines above": (f"\n\n\n{write(HEADED)}", "found in row 4, below blank rows"),
    "a caption without delimiters": (f"Quarterly plan\n{write(HEADED, ';')}", "'Quarterly plan'"),
    # Columns that are none.
    "empty columns to the right": (write([[*row, "", "", ""] for row in HEADED]), ""),
    "empty columns in the header alone": (write([[*HEADED[0], "", ""], *TWO]), ""),
    "an empty column to the left": (write([["", *row] for row in HEADED]), ""),
    "an empty column in the middle": (write([[row[0], "", row[1]] for row in HEADED]), ""),
    "a named column without values": (
        write([[*HEADED[0], "remarks"], *([*row, " "] for row in TWO)]),
        "no row has a value there: column 'remarks'",
    ),
    "an index without a name": (
        write([["", *HEADED[0]], *([str(n), *row] for n, row in enumerate(TWO))]),
        "Column A only counts the rows",
    ),
    "an index of pandas": (
        write([["Unnamed: 0", *HEADED[0]], *([str(n), *row] for n, row in enumerate(TWO))]),
        "Column Unnamed: 0 only counts",
    ),
    "numbers of rows": (
        write([["#", *HEADED[0]], *([str(n), *row] for n, row in enumerate(TWO, 1))]),
        "Column # only counts",
    ),
    # Names in another spelling.
    "capitals": (write([["Topic", "PERSONA"], *TWO]), "'Topic' as topic, 'PERSONA' as persona"),
    "spaces around names": (write([[" topic ", "persona\u00a0"], *TWO]), ""),
    "marks behind names": (write([["Topic*", "Persona:"], *TWO]), "another spelling"),
    "an invisible space": (write([["\u200btopic", "persona"], *TWO]), "another spelling"),
    # The same header again, as in files that were put together.
    "a repeated header": (write([HEADED[0], TWO[0], HEADED[0], TWO[1]]), "1 row repeats the header"),
    # Line ends.
    "carriage returns alone": (write(HEADED, end="\r"), ""),
    "line feeds": (write(HEADED, end="\n"), ""),
    "mixed line ends": (write(HEADED).replace("\r\n", "\r", 1), ""),
    "no line end at the end": (write(HEADED).rstrip(), ""),
    # JSON by its content.
    "a list of objects": (
        '[{"topic": "moving in together", "persona": "Nurse"}, {"topic": "a fine, unpaid", "Persona": "Farmer"}]',
        "",
    ),
    "JSON Lines": (
        '{"topic": "moving in together", "persona": "Nurse"}\n{"topic": "a fine, unpaid", "persona": "Farmer"}\n',
        "",
    ),
    "objects over several lines": (
        '{\n "topic": "moving in together",\n "persona": "Nurse"}\n\n{"topic": "a fine, unpaid",\n"persona": "Farmer"}',
        "",
    ),
    "a list under a key": (
        '{"items": [{"topic": "moving in together", "persona": "Nurse"}, {"topic": "a fine, unpaid", "parameters": {"persona": "Farmer"}}], "total": 2}',
        "under the key 'items'",
    ),
}


@pytest.mark.parametrize(("content", "note"), SAME_ROWS.values(), ids=SAME_ROWS.keys())
def test_the_same_rows_in_many_forms(content: str, note: str) -> None:
    table = read(content)
    assert list_rows(table) == EXPECTED
    assert [each for each in table.notes if note in each] if note else table.notes == [], table.notes


def test_rows_keep_their_numbers_below_a_title() -> None:
    table = read("Table 1,\n\ntopic,persona\n\nrent,Nurse\n")
    assert (table.header_row, [row.number for row in table.rows]) == (3, [5])


def test_names_with_spaces_underscores_and_capitals() -> None:
    table = read("Topic,Expected Behaviour,Parameters. age\nrent,stays calm,41\n")
    assert list_rows(table) == [{"topic": "rent", "expected_behaviour": "stays calm", "parameters.age": "41"}]
    assert read("topic,expected-behaviour\na,b\n").columns == ("topic", "expected_behaviour")
    assert read("topic,expectedBehaviour\na,b\n").columns == ("topic", "expected_behaviour")


def test_rows_may_end_early() -> None:
    table = read("topic,persona,context\nheating\nrent,Nurse\n\nfood,,x\n")
    assert list_rows(table) == [
        {"topic": "heating"},
        {"topic": "rent", "persona": "Nurse"},
        {"topic": "food", "context": "x"},
    ]


CELLS: dict[str, str] = {
    "doubled quotes and line breaks": 'He said "never".\r\nThen:\r\n- left\n- came back',
    "a cell over the limit of the csv module": "y" * 140_000,
    "leading zeros": "007 and other accounts",
    "a formula": "=SUM(A1:A9)",
    "a telephone number": "+41 79 123 45 67",
    "a number with a comma": "1,234.50",
    "a date": "30.11.2026",
    "outer spaces": "  two at each end  ",
    "a line separator": "one\u2028two\x85three",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_cell_stays_as_it_was(cell: str, delimiter: str) -> None:
    table = read(write([["topic", "context"], ["rent", cell]], delimiter))
    assert list_rows(table) == [{"topic": "rent", "context": cell}]
    assert table.notes == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a \"no\" twice"', 'a "no" twice'),
        (r'"\"yes\""', '"yes"'),
        (r'"first; \"second\", third"', 'first; "second", third'),
    ],
)
def test_quotes_with_a_backslash(written: str, meant: str) -> None:
    table = read(f"topic,context\nrent,{written}\n")
    assert list_rows(table) == [{"topic": "rent", "context": meant}]
    assert "were read as" in table.notes[0]


def test_a_backslash_that_is_no_quote_stays() -> None:
    assert list_rows(read('topic,context\nrent,"C:\\"\n')) == [{"topic": "rent", "context": "C:\\"}]
    with pytest.raises(AssertionError):  # a path and a quote in one file: it could mean two things
        list_rows(read('topic,context\nrent,"C:\\"\n"a "b" c",d\n'))


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#NAME?", "#NV", "#BEZUG!", "Err:502"])
def test_errors_of_a_spreadsheet_are_kept_and_told(error: str) -> None:
    table = read(write([["topic", "context"], ["rent", error], ["food", f"see {error}"]]))
    assert list_rows(table)[0]["context"] == error
    assert table.notes == [
        f"1 cell holds an error of the spreadsheet, kept as text: {error} in row 2, column context."
    ]


REFUSED: dict[str, tuple[str, str]] = {
    "a value below no name": (
        "topic,persona,,\na,b,stray,\n",
        "row 1, column C: has no name, but values (the first one in row 2). Name the column",
    ),
    "numbers that do not count": (",topic\n7,a\n9,b\n", "row 1, column A: has no name, but values"),
    "more cells than columns": ("topic,persona\na,b,c\n", "row 2: has 3 cells, the header has 2."),
    "two spellings of one column": ("topic,Topic\na,b\n", "row 1, column topic: is there twice"),
    "an open quote": ('topic\n"a\nb\n', "row 2: A cell begins with a quote"),
    "a row that is no object": ('[{"topic": "a"}, "b"]', "row 2: must be an object"),
    "an object in a cell": ('[{"topic": {"a": "b"}}]', "row 1, column topic: must be text"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_certain_is_refused_with_its_place(content: str, said: str) -> None:
    problems = [str(problem) for problem in read(content).problems]
    assert [problem for problem in problems if problem.startswith(said)], problems


def test_a_value_that_is_the_name_of_a_column_is_no_header() -> None:
    table = read("persona,context\nNurse,x\ntopic,y\n")
    assert table.header_row == 1
    assert len(table.rows) == 2


# --- bounds ------------------------------------------------------------------------------------------

OVER: dict[str, tuple[str, str]] = {
    "bytes": ("x" * 1_000_001, "has 1,000,001 bytes; at most 1,000,000 are allowed. Split it."),
    "rows": ("topic\n" + "a\n" * 51, "has more than 50 rows; at most 50 are allowed. Split it."),
    "many more rows": ("topic\n" + "a\n" * 9_000, "has more than 50 rows"),
    "rows of JSON": ('[{"topic": "a"}' + ',{"topic": "a"}' * 50 + "]", "has more than 50 rows"),
    "rows of JSON that are none": ("[" + "[]," * 50 + "[]]", "has more than 50 rows"),
    "blank rows": ("topic\n" + "\n" * 300_000 + "a\n", "has more than 50 rows"),
    "columns": ("topic" + ",x" * 20 + "\n", "Row 1 has more than 20 columns; at most 20 are allowed."),
    "very many columns": (",".join(f"c{n}" for n in range(16_000)), "more than 20 columns"),
    "cells of one line": ("topic" + ",x" * 20_001, "row 1: has more than 20,000 cells in one line"),
    "values of JSON": ("[" + "{}," * 300_001 + "{}]", "it holds more than 600,000 values. Split it."),
    "cells": (
        "topic,persona,context,x,y,z,u\n" + "a,b,c,d,e,f,g\n" * 45,
        "has more than 300 cells with a value",
    ),
}


@pytest.mark.parametrize(("content", "said"), OVER.values(), ids=OVER.keys())
def test_bounds_are_told(content: str, said: str) -> None:
    with pytest.raises(RowsError, match=said.replace(".", r"\.")):
        read(content)


WIDE = TableBounds(bytes=20_000_000, rows=10_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("topic\n" + "a" * 4_000_001, "row 2: has more than 4,000,000 characters in one line"),
        pytest.param(
            'topic\n"' + "a\n" * 2_100_000,
            "row 2: A cell has more than 4,000,000 characters. Close its quote",
            marks=pytest.mark.slow,  # two million lines, each traced for coverage
        ),
    ],
)
def test_a_cell_without_an_end_is_told(content: str, said: str) -> None:
    table = read_table(content.encode(), known=KnownColumns(["topic"], key="topic"), bounds=WIDE)
    assert [str(problem) for problem in table.problems if str(problem).startswith(said)]


def test_many_delimiters_within_quotes_are_no_cells() -> None:
    prose = "so, " * 25_000
    assert list_rows(read(f'topic,persona\n"{prose}",b\n')) == [{"topic": prose, "persona": "b"}]


def test_empty_cells_of_a_spreadsheet_do_not_count() -> None:
    """Excel writes 16,384 delimiters into each row when one cell far to the right was touched."""
    assert list_rows(read("topic" + "," * 16_383 + "\na" + "," * 16_383)) == [{"topic": "a"}]
