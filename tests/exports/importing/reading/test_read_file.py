"""Files of conversations in every shape that is read, and what is said about those that are not."""

import json
from typing import Any

import pytest

from exports.importing.reading import FileContent, read_file, records
from lib.row_problems import RowsError
from lib.tables.formulas import add_guard, remove_guard

U, A = {"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}
ONE = {"messages": [U, A]}
GPT = {"conversations": [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]}
TEXTS = [("user", "Hi?"), ("assistant", "Hello.")]


def read(*rows: Any) -> FileContent:
    """Read JSON Lines of these values; a text is a line as it stands."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return read_file("\n".join(lines).encode("utf-8", "surrogatepass"))


def list_texts(found: FileContent) -> list[list[tuple[str, str]]]:
    return [[(turn.role, turn.content) for turn in each.turns] for each in found.conversations]


def refusals(found: FileContent) -> list[tuple[int | None, str]]:
    return [(each.row, each.message) for each in found.problems]


@pytest.mark.parametrize(
    "value",
    [
        ONE,
        GPT,
        [U, A],
        {"turns": [{"speaker": "Human", "text": "Hi?"}, {"speaker": "AI", "text": "Hello."}]},
        {"data": {"messages": [U, A]}},
        {"messages": json.dumps([U, A])},
        {"messages": [{**U, "content": [{"type": "text", "text": "Hi?"}]}, A]},
        {"prompt": [U], "completion": [A]},
        {"prompt": "Hi?", "completion": "Hello."},
        {"instruction": "Hi?", "input": "", "output": "Hello."},
        {"question": "Hi?", "answer": "Hello."},
        {"messages": [U, A], "conversations": [U, A]},
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "bare list",
)
def test_each_known_shape_is_the_same_conversation(value: Any) -> None:
    found = read(value)
    assert list_texts(found) == [TEXTS]
    assert not found.problems


def test_alpaca_with_input_and_history() -> None:
    found = read(
        {"instruction": "Sum up", "input": "A text", "output": "Short.", "history": [["Hi?", "Hello."]]}
    )
    assert list_texts(found) == [[*TEXTS, ("user", "Sum up\n\nA text"), ("assistant", "Short.")]]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, GPT]),
        json.dumps([ONE, GPT], indent=2),
        json.dumps({"data": [ONE, GPT]}),
        json.dumps(ONE, indent=1) + "\n" + json.dumps(GPT, indent=1),
        f"\ufeff{json.dumps(ONE)}\r\n\r\n{json.dumps(GPT)}\r\n",
        f"{json.dumps(ONE)},\n{json.dumps(GPT)},\n",
        f"{json.dumps(ONE)} {json.dumps(GPT)}",
    ],
    ids=["list", "list over lines", "under a key", "over lines", "BOM and CR LF", "commas", "in one line"],
)
def test_several_in_one_file(text: str) -> None:
    assert list_texts(read_file(text.encode())) == [TEXTS, TEXTS]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    text = json.dumps({"messages": [{**U, "content": "Grüße שלום"}, A]}, ensure_ascii=False)
    assert list_texts(read_file(text.encode(encoding)))[0][0] == ("user", "Grüße שלום")


def test_system_messages() -> None:
    inside = {"role": "system", "content": "Be kind."}
    found = read({"messages": [inside, U, A]}, {**GPT, "system": "Be brief."}, ONE)
    assert [each.system for each in found.conversations] == ["Be kind.", "Be brief.", None]
    both = read({"messages": [inside, U, A], "system": "Other."}, {"messages": [inside, inside, U, A]})
    assert [each.system for each in both.conversations] == ["Be kind.", "Be kind.\n\nBe kind."]
    assert [each.row for each in both.repairs] == [1, 2]


def test_what_is_known_beside_the_turns() -> None:
    found = read(
        {**ONE, "id": 7, "Title": "A\ntalk", "tags": "tax, loan", "tier": "Edge case", "split": "x", "odd": 1}
    )
    (each,) = found.conversations
    assert each.id == "7"
    assert each.fields == {"title": "A talk", "category": ["tax", "loan"], "tier": "edge_case"}
    assert found.notes == ["Left out, because they mean nothing here: “odd” (1)."]
    (ours,) = read({**ONE, "id": "a", "metadata": {"persona": "P", "simulated": True}}).conversations
    assert ours.fields == {"persona": "P", "simulated": True}


def test_what_is_repaired_is_told_by_row() -> None:
    half = '{"messages":[{"role":"user","content":"\\ud83d\\u0000?"},{"role":"assistant","content":"a"},]}'
    found = read({"messages": [U, U, A]}, {"messages": [U, A, U]}, half, {**ONE, "tier": "gold"})
    assert [len(each) for each in list_texts(found)] == [2, 2, 2, 2]
    assert list_texts(found)[0][0] == ("user", "Hi?\n\nHi?")
    assert list_texts(found)[2][0] == ("user", "\ufffd?")
    told = found.build_report()
    assert (told["read"], told["repaired"], told["refused"]) == (4, 4, 0)
    assert {each["rows"] for each in told["repairs"]} == {"1", "2", "3", "4"}
    assert len(told["repairs"]) == 6


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"messages": []}, "no turns"),
        ({"messages": [A, U, A]}, "begins with a turn of the assistant"),
        ({"messages": [U]}, "no answer of the assistant"),
        ({"messages": [U, {"role": "tool", "content": "3"}, A]}, "Turn 2 has the role “tool”"),
        ({"messages": [U, {**A, "tool_calls": [{"id": 1}]}]}, "Turn 2 calls a tool"),
        ({"messages": [U, {**A, "content": "  "}]}, "Turn 2 is empty"),
        ({"messages": [U, {**A, "content": None}]}, "Turn 2 has no text"),
        ({"messages": [{**U, "content": [{"type": "image_url"}]}, A]}, "Turn 1 has no text"),
        ({"messages": [U, {**A, "text": "Other"}]}, "two different texts"),
        ({"messages": [U, {"content": "x"}]}, "Turn 2 has no role"),
        ({"messages": [U, A, {"role": "system", "content": "S"}, U, A]}, "behind the first turn"),
        ({"messages": [U, A], "turns": [U, {**A, "content": "B"}]}, "two different lists"),
        ({"prompt": "Hi?", "chosen": "a", "rejected": "b"}, "pair of answers"),
        ({"prompt": "Hi?"}, "no answer"),
        ({"text": "User: Hi"}, "No list of messages"),
        ("{broken", "not JSON"),
        ('{"messages": [{"role"', "not JSON"),
        ({"messages": [U, A] * 201}, "more than 400 turns"),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else None,
)
def test_a_refusal_names_its_row_and_what_to_do(value: Any, words: str) -> None:
    found = read(ONE, value, ONE)
    assert len(found.conversations) == 2
    ((row, message),) = refusals(found)
    assert row == 2
    assert words in message
    assert message.endswith(".")


def test_equal_refusals_are_one_line_and_at_most_twenty_are_named() -> None:
    found = read(ONE, *[{"messages": [A, U, A]}] * 61)
    (only,) = found.build_report()["problems"]
    assert (only["count"], only["rows"]) == (61, "61 rows (2 to 62)")
    many = read(ONE, *[{"messages": [{"role": f"r{n}", "content": "x"}]} for n in range(40)]).build_report()
    assert many["refused"] == 40
    assert len(many["problems"]) == 21
    assert many["problems"][-1]["message"] == "... and 20 more problems."


def test_a_list_that_breaks_off_keeps_what_stands_before() -> None:
    found = read_file(json.dumps([ONE, GPT], indent=1)[:-30].encode())
    assert list_texts(found) == [TEXTS]
    assert "What stands behind it was not read" in refusals(found)[0][1]


def test_line_separators_of_unicode_end_no_line() -> None:
    text = "a\u2028b\u2029c\x85d\x0be"
    assert list_texts(read({"messages": [{**U, "content": text}, A]}))[0][0] == ("user", text)


@pytest.mark.parametrize(
    ("rows", "system"),
    [
        ("conversation_id,turn,role,content\na,2,assistant,Hello.\na,0,system,S\na,1,user,Hi?\n", "S"),
        ("id;role;content\n1;user;Hi?\n1;assistant;Hello.\n", None),
        ("turn,from,value\n1,human,Hi?\n2,gpt,Hello.\n", None),
        ("prompt,completion,system\nHi?,Hello.,S\n", "S"),
        ('messages\n"' + json.dumps([U, A]).replace('"', '""') + '"\n', None),
    ],
)
def test_tables(rows: str, system: str | None) -> None:
    found = read_file(rows.encode())
    assert list_texts(found) == [TEXTS]
    assert found.conversations[0].system == system


def test_a_table_without_ids_begins_a_conversation_where_the_numbers_begin_again() -> None:
    rows = "turn,role,content\n1,user,Hi?\n2,assistant,Hello.\n1,user,Hi?\n2,assistant,Hello.\n"
    assert list_texts(read_file(rows.encode())) == [TEXTS, TEXTS]


def test_two_turns_of_one_number_are_refused() -> None:
    found = read_file(b"id,turn,role,content\na,1,user,Hi?\na,1,assistant,Hello.\n")
    assert "same number" in refusals(found)[0][1]


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "''-x", "@a", "\uff1d1", "plain", "'quoted'", "\tx", ""])
def test_the_guard_of_formulas_is_undone(text: str) -> None:
    guarded = add_guard(text)
    assert remove_guard(guarded) == text
    assert not guarded.startswith(("=", "@", "\t", "\uff1d"))
    if text.strip():
        cell = guarded.replace('"', '""')
        found = read_file(f'id,turn,role,content\na,1,user,"{cell}"\na,2,assistant,A\n'.encode())
        assert list_texts(found)[0][0] == ("user", text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"foo,bar\n1,2\n", "columns conversation_id"),
        (b"role,content\nuser,Hi\n", "conversation_id that says which rows belong together"),
        (b"%PDF-1.7", "a PDF"),
        (b"<html><body>x</body></html>", "web page"),
    ],
)
def test_a_file_that_is_none(content: bytes, words: str) -> None:
    with pytest.raises(RowsError, match=words):
        read_file(content)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RowsError, match="bytes"):
        read_file(b"x" * (records.LARGEST_FILE + 1))
    monkeypatch.setattr("exports.importing.reading.file.MOST_CONVERSATIONS", 1)
    monkeypatch.setattr(records, "MOST_CONVERSATIONS", 1)
    with pytest.raises(RowsError, match="more than 1 conversations"):
        read(ONE, ONE)
    (problem,) = read({"messages": [{**U, "content": "x" * 1_000_001}, A]}).problems
    assert "1,000,000 characters" in problem.message
    assert list_texts(read({"messages": [{**U, "content": "x" * 1_000_000}, A]}))[0][0][1] == "x" * 1_000_000
    (nested,) = read('{"messages":' + "[" * 5_000 + "]" * 5_000 + "}").problems
    assert "JSON" in nested.message
