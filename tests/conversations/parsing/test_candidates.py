"""Which of several texts in a reply is the conversation: reasoning, examples and drafts are left out, and nothing is guessed."""

import json
from typing import Any

import pytest

from claude.errors import Unusable
from conversations.parsing import Draft, TurnDraft, read
from conversations.parsing.shape import ENCODED_TWICE, OTHER_NAMES, TEXT_BLOCKS, UNWRAPPED
from tests.conversations.parsing.test_reading import GREETING, PLAIN, TEXT, TURNS, problem, reply, turns

DRAFT = turns(("user", "DRAFT question"), ("assistant", "DRAFT answer"), title="DRAFT")
OTHER = turns(("user", "Another question"), ("assistant", "Another answer"), title="Other")


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\nA first draft: {DRAFT}\ntoo short.\n</think>\n\n{TEXT}",
        f"<thinking>{DRAFT}</thinking>{TEXT}",
        f'<reasoning effort="high">{DRAFT} and {OTHER}</reasoning> {TEXT}',
        f"I could write {DRAFT}, but better not.\n</think>\n{TEXT}",
        f"<THINK>\n{DRAFT[:-9]}\n</THINK>\n{TEXT}",
        f"{TEXT}\n<reflection>Would {DRAFT} be better?</reflection>",
        f"For example:\n{DRAFT}\n\nHere is the real one:\n{TEXT}",
        f"Draft:\n```json\n{DRAFT}\n```\nFinal answer:\n```json\n{TEXT}\n```",
        f"The format you asked for is {OTHER}. Here you go: {TEXT}",
        f"{TEXT}\n\nThis follows the example {DRAFT}",
        f"{TEXT}\n{TEXT}",
        f"Here is a sample conversation: {TEXT}",
        json.dumps({"draft": json.loads(DRAFT), "final": PLAIN}),
    ],
)
def test_reasoning_examples_and_drafts_are_left_out(text: str) -> None:
    assert read(reply(text)) == GREETING


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}\n{OTHER}",
        f"Version A: {TEXT} Version B: {OTHER}",
        json.dumps({"first": PLAIN, "second": json.loads(OTHER)}),
        json.dumps([PLAIN, json.loads(OTHER)]),
        json.dumps(PLAIN | {"messages": json.loads(OTHER)["turns"]}),
    ],
)
def test_two_different_conversations_are_no_reason_to_guess(text: str) -> None:
    raised = problem(text)
    assert isinstance(raised, Unusable)
    assert raised.kind == "unreadable"


def test_what_came_last_and_is_cut_off_is_not_replaced_by_an_earlier_version() -> None:
    assert problem(f"{DRAFT}\n\nLonger and better: {TEXT[:-5]}").kind == "unreadable"


@pytest.mark.parametrize("text", [f"<think>{DRAFT}</think>", f"<think>{DRAFT}", "<thinking>Hm.</thinking>\n"])
def test_thinking_alone_is_named(text: str) -> None:
    assert "thinking and nothing else" in str(problem(text))


def test_reasoning_tags_inside_a_turn_are_content() -> None:
    said = "Models write <think>a draft</think> first. </think> ends it."
    assert read(reply(f"Sure: {turns(('user', said), ('assistant', said))}")).turns[0].content == said


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ({"result": PLAIN}, UNWRAPPED),
        ({"response": {"data": PLAIN}, "ok": True}, UNWRAPPED),
        (TEXT, ENCODED_TWICE),
        ({"title": "Greeting", "turns": json.dumps(TURNS)}, ENCODED_TWICE),
        ({"title": "Greeting", "messages": TURNS}, OTHER_NAMES),
        (
            {
                "title": "Greeting",
                "conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}],
            },
            OTHER_NAMES,
        ),
        (
            {
                "title": "Greeting",
                "turns": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
                    },
                    {"role": "assistant", "content": {"type": "text", "text": "Hi"}},
                ],
            },
            TEXT_BLOCKS,
        ),
    ],
)
def test_other_ways_to_write_it_are_read_and_noted(value: Any, note: str) -> None:
    draft = read(reply(json.dumps(value)))
    assert draft == GREETING
    assert note in draft.repairs


def test_strict_json_is_read_without_a_note() -> None:
    assert read(reply(f"```json\n{TEXT}\n```")).repairs == ()


def test_a_block_that_is_no_text_is_refused_by_turn() -> None:
    image = [{"type": "image", "source": {}}]
    assert "turn 2" in str(problem(turns(("user", "a"), ("assistant", image))))


@pytest.mark.parametrize(
    ("first", "second"), [("User: ", "Assistant: "), ("**Human:** ", "**AI:** "), ("user:", "GPT:")]
)
def test_labels_of_the_roles_are_stripped_and_flagged(first: str, second: str) -> None:
    draft = read(reply(turns(("user", f"{first}Hello"), ("assistant", f"{second}Hi"), title="Greeting")))
    assert (draft, draft.flags) == (GREETING, ("role_labels",))


@pytest.mark.parametrize(
    ("first", "second"), [("User: Hello", "Hi"), ("Hello", "Assistant: Hi"), ("User: Hello", "User: Hi")]
)
def test_labels_of_some_turns_are_content(first: str, second: str) -> None:
    draft = read(reply(turns(("user", first), ("assistant", second))))
    assert draft == Draft(None, (TurnDraft("user", first), TurnDraft("assistant", second)))
    assert not draft.flags
