"""The simulator answers a judge: the same scores for the same text, with quotes that stand in it."""

import json
import random

import pytest
from anthropic import Anthropic

from claude import translation
from claude.simulator.replies import judging
from conversations.judging.quotes import find_quote
from conversations.judging.reading import read_judgement
from conversations.judging.requests import build_judge_request
from conversations.judging.rubric import load_shipped_criteria
from conversations.parsing import TurnDraft
from tests.factories import MODEL
from tests.support.judgements import TALK

TURNS = [TurnDraft(("user", "assistant")[n % 2], text) for n, text in enumerate(TALK)]


def test_its_judgement_is_valid(claude: Anthropic) -> None:
    request = build_judge_request(TURNS, load_shipped_criteria(), model=MODEL, max_tokens=4_096)
    body = translation.payload(request)
    extra = {name: body.pop(name) for name in list(body) if name not in ("model", "max_tokens", "messages")}
    answer = claude.messages.with_raw_response.create(**body, extra_body=extra)
    reply = translation.reply(
        answer.http_response.content, headers=answer.headers, duration_ms=1, asked={**body, **extra}
    )
    assert reply.simulated
    found = read_judgement(reply, TURNS)
    assert all(0 <= each.score <= 10 for each in found.scores)


@pytest.mark.parametrize(
    "text", ["Short.", "**Bold** only", "- a list\n- of points", "no end at all", "Ja. Ich habe drei Konten."]
)
def test_every_quote_stands_in_its_text(text: str) -> None:
    quote = judging._quote(text)
    assert find_quote(quote, [TurnDraft("user", text)]), quote


def test_without_a_schema_it_takes_the_dimensions_of_the_rubric() -> None:
    request = build_judge_request(TURNS, load_shipped_criteria(), model="unknown", max_tokens=10)
    found = judging.judge(judging.find_turns(request.prompt), request.prompt, None, random.Random(1))
    assert list(found) == list(load_shipped_criteria())
    assert json.dumps(found)
