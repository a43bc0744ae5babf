"""What each format of a trainer makes of a conversation: exactly the keys and values that its readers expect."""

from typing import Any

import pytest

from exports.formats import FORMATS, Example, ExportError, FormatOptions, Pair, Turn
from tests.exports.formats.examples import make_example, make_turns, read_rows, write

S = {"role": "system", "content": "Be kind."}
Q1, A1, Q2, A2 = (
    {"role": role, "content": text}
    for role, text in (("user", "Q1"), ("assistant", "A1"), ("user", "Q2"), ("assistant", "A2"))
)
ROWS: list[tuple[str, list[dict[str, Any]]]] = [
    ("messages", [{"messages": [S, Q1, A1, Q2, A2]}]),
    ("prompt_completion", [{"prompt": [S, Q1, A1, Q2], "completion": [A2]}]),
    ("per_turn", [{"messages": [S, Q1, A1]}, {"messages": [S, Q1, A1, Q2, A2]}]),
    ("kto", [{"prompt": [S, Q1, A1, Q2], "completion": [A2], "label": True}]),
    (
        "sharegpt",
        [
            {
                "conversations": [
                    {"from": "system", "value": "Be kind."},
                    {"from": "human", "value": "Q1"},
                    {"from": "gpt", "value": "A1"},
                    {"from": "human", "value": "Q2"},
                    {"from": "gpt", "value": "A2"},
                ]
            }
        ],
    ),
    (
        "alpaca",
        [
            {"instruction": "Q1", "input": "", "output": "A1", "system": "Be kind.", "history": []},
            {
                "instruction": "Q2",
                "input": "",
                "output": "A2",
                "system": "Be kind.",
                "history": [["Q1", "A1"]],
            },
        ],
    ),
]
TRAINED = [name for name, each in FORMATS.items() if each.suffix == ".jsonl" and each.takes != "pairs"]


@pytest.mark.parametrize(("name", "rows"), ROWS)
def test_rows_of_a_conversation(name: str, rows: list[dict[str, Any]]) -> None:
    assert read_rows(name, make_example(label=True)) == rows
    assert [list(row) for row in read_rows(name, make_example(label=True))] == [list(row) for row in rows]


def test_every_jsonl_format_of_conversations_is_in_the_table() -> None:
    assert {name for name, _ in ROWS} == set(TRAINED)


@pytest.mark.parametrize("name", TRAINED)
def test_the_system_prompt_is_left_out_by_an_option_and_where_it_is_blank(name: str) -> None:
    for content, _ in (
        write(name, make_example(label=False), system=False),
        write(name, make_example(label=False, system=" \n")),
    ):
        assert b"Be kind." not in content
        assert b'"role":"system"' not in content
        assert b'"from":"system"' not in content


def test_alpaca_has_the_same_columns_with_and_without_a_system_prompt() -> None:
    first, second = read_rows("alpaca", make_example("Q", "A"), make_example("Q", "A", system=""))
    assert list(first) == list(second)
    assert second["system"] == ""


@pytest.mark.parametrize(
    ("flag", "system", "user", "first", "last"),
    [
        ("weight", {}, {}, {"weight": 0}, {"weight": 1}),
        ("loss", {}, {}, {"loss": False}, {"loss": True}),
        *(
            (flag, {flag: False}, {flag: False}, {flag: False}, {flag: True})
            for flag in ("training", "trainable")
        ),
    ],
)
def test_flags_of_training(flag: str, system: Any, user: Any, first: Any, last: Any) -> None:
    turns = make_turns("Q1", "A1", "Q2", "A2")
    example = make_example(turns=(turns[0], turns[1]._replace(train=False), *turns[2:]))
    [row] = read_rows("messages", example, train_flags=flag)
    assert row["messages"] == [S | system, Q1 | user, A1 | first, Q2 | user, A2 | last]
    assert [type(each.get(flag)) for each in row["messages"]][-1] is (int if flag == "weight" else bool)


def test_without_a_flag_messages_have_two_keys() -> None:
    example = make_example(turns=(Turn("user", "Q"), Turn("assistant", "A", train=False)))
    assert all(list(each) == ["role", "content"] for each in read_rows("messages", example)[0]["messages"])


@pytest.mark.parametrize("name", ["sharegpt", "alpaca", "kto", "csv"])
def test_a_format_without_flags_refuses_them(name: str) -> None:
    with pytest.raises(ExportError, match="has no flag “loss”"):
        write(name, train_flags="loss")


@pytest.mark.parametrize("name", ["per_turn", "alpaca"])
def test_an_answer_that_is_not_to_be_trained_has_no_row_but_is_said_before(name: str) -> None:
    turns = make_turns("Q1", "A1", "Q2", "A2")
    rows = read_rows(name, make_example(turns=(turns[0], turns[1]._replace(train=False), *turns[2:])))
    assert len(rows) == 1
    assert "A1" in str(rows[0])


@pytest.mark.parametrize("name", [*TRAINED, "json", "csv", "markdown"])
def test_a_conversation_without_turns_is_refused_by_name(name: str) -> None:
    with pytest.raises(ExportError, match="The conversation fp_anna_001 cannot be exported: it has no turns"):
        write(name, Example("fp_anna_001", (), label=True))


@pytest.mark.parametrize(
    ("name", "texts", "why"),
    [
        ("prompt_completion", ("Q",), "does not end with a turn of the user and an answer"),
        ("prompt_completion", ("Q", "A", "Q"), "does not end with"),
        ("kto", ("Q", "A", "Q"), "does not end with"),
        ("per_turn", ("Q",), "has no answer"),
        ("alpaca", ("Q", "A", "Q"), "do not alternate"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(name: str, texts: tuple[str, ...], why: str) -> None:
    with pytest.raises(ExportError, match=f"fp_anna_001 cannot be exported: it .*{why}|: its turns {why}"):
        write(name, make_example(*texts, label=True))


def test_a_decision_without_a_label_is_refused() -> None:
    with pytest.raises(ExportError, match="nobody has approved or rejected it"):
        write("kto", make_example())


def test_a_role_that_sharegpt_does_not_have_is_refused() -> None:
    with pytest.raises(ExportError, match="the role “tool”"):
        write("sharegpt", make_example(turns=(Turn("tool", "x"),)))


def make_pair(chosen: tuple[str, ...], rejected: tuple[str, ...]) -> Pair:
    return Pair("fp_anna_001", make_turns(*chosen), make_turns(*rejected), system="Be kind.")


def test_a_pair_is_the_common_beginning_and_the_first_answers_that_differ() -> None:
    rows = read_rows(
        "preference",
        make_pair(("Q1", "A1", "Q2", "A2"), ("Q1", "A1", "Q2", "B2")),
        make_pair(("Q1", "A1", "Q2", "A2"), ("Q1", "B1")),
        make_pair(("Q1", "A1", "Q2", "A2"), ("Q1", "B1", "Other", "B2")),
    )
    b1, b2 = ({"role": "assistant", "content": text} for text in ("B1", "B2"))
    assert rows == [
        {"prompt": [S, Q1, A1, Q2], "chosen": [A2], "rejected": [b2]},
        {"prompt": [S, Q1], "chosen": [A1], "rejected": [b1]},
        {"prompt": [S, Q1], "chosen": [A1], "rejected": [b1]},
    ]


@pytest.mark.parametrize(
    ("chosen", "rejected", "why"),
    [
        (("Q1", "A1"), ("Q1", "A1"), "Both versions have the same turns."),
        (("Q1", "A1"), ("Other", "A1"), "The versions differ first in a turn of the user."),
        (("Q1", "A1", "Q2", "A2"), ("Q1", "A1"), "One version is the beginning of the other."),
        ((), ("Q1",), "One version is the beginning of the other."),
    ],
)
def test_other_pairs_are_counted_and_not_written(
    chosen: tuple[str, ...], rejected: tuple[str, ...], why: str
) -> None:
    content, writer = write("preference", make_pair(chosen, rejected), make_pair(("Q", "A"), ("Q", "B")))
    assert (writer.rows, dict(writer.skipped)) == (1, {why: 1})
    assert content.count(b"\n") == 1


def test_a_pair_that_differs_in_its_first_turn_an_answer_has_no_prompt() -> None:
    one, other = (Turn("assistant", text) for text in "AB")
    _, writer = write("preference", Pair("x", (one,), (other,)))
    assert writer.skipped == {"No turn of the user stands before the answer that differs.": 1}


def test_metadata_stand_in_an_object_of_their_own_and_only_on_request() -> None:
    example = make_example(metadata={"tier": "template", "prompt": "a name that trainers know", "score": 8.5})
    [plain], [rich] = read_rows("messages", example), read_rows("messages", example, metadata=True)
    assert list(plain) == ["messages"]
    assert rich == {**plain, "id": "fp_anna_001", "metadata": dict(example.metadata)}


def test_a_file_of_conversations_takes_no_pairs() -> None:
    for name in ("json", "csv", "markdown"):
        with pytest.raises(ExportError, match="is a pair of versions"):
            write(name, make_pair(("Q", "A"), ("Q", "B")))


def test_options_are_plain_by_default() -> None:
    assert FormatOptions() == FormatOptions(system=True, metadata=False, train_flags=None)
