"""Files of entries in the forms that other programs and our own API write: by content, with a note of what was done."""

from decimal import Decimal
from typing import Any

import pytest

from lib.row_problems import RowsError
from templates_app.library.dumps import dump_sample
from templates_app.library.files import load
from templates_app.library.json_rows import MOST_KEYS
from templates_app.library.sheet import BOUNDS, Sheet
from templates_app.states import EntryKind
from tests.support.workbooks import make_xlsx

TWO = [
    {"name": "Mill", "topic": "selling the mill", "tags": ["land"], "parameters": {"age": "41"}},
    {"name": "Boat", "topic": "a boat on credit"},
]
MILL = '{"name": "Mill", "topic": "selling the mill", "tags": ["land"], "parameters": {"age": "41"}}'
BOAT = '{"name": "Boat", "topic": "a boat on credit"}'


def read(
    content: bytes | str, *, name: str = "rows.csv", kind: EntryKind = EntryKind.SCENARIO, **more: Any
) -> Sheet:
    given = content.encode() if isinstance(content, str) else content
    return load(given, name=name, kind=kind, **more)


def list_fields(sheet: Sheet) -> list[dict[str, Any]]:
    assert [str(problem) for problem in sheet.problems] == []
    return [row.fields for row in sheet.rows]


FORMS: dict[str, str] = {
    "a list": f"[{MILL}, {BOAT}]",
    "JSON Lines": f"{MILL}\n{BOAT}\n",
    "JSON Lines of Windows, with a blank line": f"{MILL}\r\n\r\n{BOAT}",
    "objects with commas between": f"{MILL},\n{BOAT},\n",
    "a record separator": f"\x1e{MILL}\n\x1e{BOAT}\n",
    "a list under a key": f'{{"success": true, "scenarios": [{MILL}, {BOAT}], "pagination": {{"page": 1}}}}',
    "a list two keys down": f'{{"data": {{"rows": [{MILL}, {BOAT}]}}}}',
    "names in capitals": f"[{MILL}, {BOAT}]".replace('"name"', '"Name"').replace('"topic"', '"TOPIC"'),
    "tags in a text": f"[{MILL}, {BOAT}]".replace('["land"]', '"land"'),
    "a number": f"[{MILL}, {BOAT}]".replace('"41"', "41"),
    "a parameter of its own": f"[{MILL}, {BOAT}]".replace(
        '"parameters": {"age": "41"}', '"parameters.age": 41'
    ),
    "fields of the API's answers": f"[{MILL}, {BOAT}]".replace(
        '"name"', '"id": "1", "position": 4, "archivedAt": null, "templateId": null, "name"'
    ),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.ndjson", "rows.txt", "rows"])
def test_objects_are_read_in_many_forms(content: str, name: str) -> None:
    assert list_fields(read(content, name=name)) == TWO


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_objects_are_read_in_other_encodings(encoding: str) -> None:
    content = '[{"name": "caf\u00e9", "topic": "cr\u00e8me"}]'.encode(encoding)
    assert list_fields(read(content)) == [{"name": "caf\u00e9", "topic": "cr\u00e8me"}]


def test_one_object_is_one_row() -> None:
    sheet = read(MILL)
    assert list_fields(sheet) == TWO[:1]
    assert sheet.notes == ["The file has one object, not a list; it is one row."]


def test_keys_as_the_api_writes_them() -> None:
    assert list_fields(read('[{"name": "c", "topic": "t", "expectedBehaviour": "stays calm"}]')) == [
        {"name": "c", "topic": "t", "expected_behaviour": "stays calm"}
    ]


def test_numbers_and_truth_become_text_and_are_told() -> None:
    sheet = read(
        '[{"name": 7, "topic": "t", "parameters": {"age": 41, "married": true, "rate": 1.50, "x": null}}]'
    )
    assert list_fields(sheet) == [
        {"name": "7", "topic": "t", "parameters": {"age": "41", "married": "true", "rate": "1.50"}}
    ]
    assert sheet.notes == ["4 values are numbers or true or false, and were read as text."]


def test_rows_of_json_lines_have_the_number_of_their_line() -> None:
    sheet = read(f'{MILL}\n\n{{"name": "Boat", "topic": ["x"]}}\n')
    assert [str(problem) for problem in sheet.problems] == [
        "row 3, column topic: must be text, not a list; put it in quotes."
    ]


REFUSED: dict[str, tuple[str, str]] = {
    "not a number": (
        '[{"name": "q", "persona": NaN}]',
        "NaN is not a JSON number; write null, or a text in quotes",
    ),
    "not a number in a line": (f'{BOAT}\n{{"name": NaN}}', "not JSON (line 2): NaN is not a JSON number"),
    "half a line": (f'{MILL}\n{{"name": "Boat"', "This is not JSON: Expecting"),
    "two lists": (f'{{"a": [{MILL}], "b": [{BOAT}]}}', "must hold a list of objects"),
    "nothing": ("{}", "must hold a list of objects"),
    "deep lines": (f"{BOAT}\n" + "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_certain_is_refused(content: str, said: str) -> None:
    with pytest.raises(RowsError) as caught:
        read(content)
    assert said in str(caught.value)


def test_the_id_of_a_template_asks_for_its_name() -> None:
    [problem] = read('[{"name": "c", "topic": "t", "templateId": "3f"}]').problems
    assert (
        str(problem)
        == "row 1, column templateId: is the id of a template; write its name under the key template."
    )


@pytest.mark.parametrize("word", ["Tone", " tone", "TONES", "tones"])
def test_a_list_of_options_is_found_by_its_look(word: str) -> None:
    sheet = read(f"kind,name\n{word},calm\n", kind=EntryKind.OPTION)
    assert list_fields(sheet) == [{"kind": "tone", "name": "calm"}]
    assert "as 'tone' (kind)" in sheet.notes[0]


def test_a_sheet_of_a_workbook() -> None:
    book = make_xlsx(
        {"A": [["Name", "Topic"], ["Mill", "selling"]], "B": [["name", "topic", "x"], ["Boat", "credit"]]}
    )
    assert list_fields(read(book, name="rows.csv"))[0]["name"] == "Mill"
    assert list_fields(read(book, sheet_name="B"))[0]["name"] == "Boat"


def test_other_spellings_of_columns() -> None:
    sheet = read("Name;Topic;Expected Behaviour;Parameters. age;Remarks\nc;t;calm;41;\n")
    assert list_fields(sheet) == [
        {"name": "c", "topic": "t", "expected_behaviour": "calm", "parameters": {"age": "41"}}
    ]


@pytest.mark.parametrize("kind", EntryKind)
def test_the_sample_can_be_read_as_it_is(kind: EntryKind) -> None:
    assert len(list_fields(read(dump_sample(kind), kind=kind))) == 2


def test_weights_may_be_texts() -> None:
    sheet = read('[{"kind": "tone", "name": "a", "weight": "2.5"}]', kind=EntryKind.OPTION)
    assert list_fields(sheet)[0]["weight"] == Decimal("2.5")


def test_objects_are_bounded() -> None:
    many = ",".join(f'"k{number}": 1' for number in range(MOST_KEYS + 1))
    assert f"has {MOST_KEYS + 1} keys; at most" in str(read(f"[{{{many}}}]").problems[0])
    with pytest.raises(RowsError, match="more than 5,000 rows"):
        read("[" + ",".join(["{}"] * (BOUNDS.rows + 1)) + "]")
