"""What becomes of a judge's reply: a whole judgement with evidence, or the reason why there is none."""

import json
from typing import Any

import pytest

from claude.errors import Declined, Unusable
from conversations.judging.reading import read_judgement
from conversations.parsing import TurnDraft
from conversations.states import JudgedDimension
from tests.support.judgements import TALK, make_answer
from tests.support.replies import make_reply

TURNS = [TurnDraft(("user", "assistant")[n % 2], text) for n, text in enumerate(TALK)]
WHOLE = make_answer(7)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WHOLE),
        f"Here it is:\n```json\n{json.dumps(WHOLE)}\n```\nLet me know.",
        json.dumps({"judgement": WHOLE}),
        json.dumps({"scores": [{"dimension": name, **each} for name, each in WHOLE.items()]}),
        json.dumps({name.replace("_", " ").title(): each for name, each in WHOLE.items()}),
        json.dumps(make_answer(7, relevance={"score": "7/10"}, accuracy={"score": 7.0})),
        f"<think>{json.dumps(make_answer(2))}</think>{json.dumps(WHOLE)}",
        json.dumps(
            make_answer(7, quote="", **{name: {"evidence": "step by step"} for name in WHOLE})
        ).replace('"quote": "", ', ""),
    ],
)
def test_every_usual_form_is_read(text: str) -> None:
    found = read_judgement(make_reply(text=text), TURNS)
    assert [(each.dimension, each.score, each.turn_number) for each in found.scores] == [
        (name, 7, 2) for name in JudgedDimension.values
    ]


def without(name: str) -> dict[str, Any]:
    return {key: each for key, each in WHOLE.items() if key != name}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (make_answer(coherence={"quote": "I never said this."}), "failed_check", "coherence does not occur"),
        (make_answer(accuracy={"quote": ""}), "failed_check", "accuracy has no quote"),
        (make_answer(accuracy={"quote": None}), "failed_check", "accuracy has no quote"),
        (make_answer(relevance={"score": 11}), "failed_check", "relevance is '11'"),
        (make_answer(relevance={"score": -1}), "failed_check", "whole number from 0 to 10"),
        (make_answer(relevance={"score": 7.5}), "failed_check", "'7.5'"),
        (make_answer(relevance={"score": None}), "failed_check", "'None'"),
        (make_answer(relevance={"score": True}), "failed_check", "''"),
        (without("training_value"), "unreadable", "training_value is missing"),
        ({**WHOLE, "relevance": 7}, "unreadable", "relevance is missing, or has no score"),
        ({"verdict": "good"}, "unreadable", "no complete JSON object"),
        ("I would rather not.", "unreadable", "no complete JSON object"),
        ([make_answer(7), make_answer(8)], "unreadable", "different judgements"),
    ],
)
def test_what_is_not_whole_or_not_proven_is_no_judgement(answer: Any, kind: str, words: str) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    if isinstance(answer, list):
        text = "\n".join(map(json.dumps, answer))
    with pytest.raises(Unusable, match=words) as raised:
        read_judgement(make_reply(text=text), TURNS)
    assert raised.value.kind == kind


def test_a_refusal_and_a_cut_reply_are_what_they_are_elsewhere() -> None:
    with pytest.raises(Declined):
        read_judgement(make_reply(stop_reason="refusal"), TURNS)
    with pytest.raises(Unusable) as raised:
        read_judgement(make_reply(text=json.dumps(WHOLE)[:90], stop_reason="max_tokens"), TURNS)
    assert raised.value.kind == "max_tokens"
