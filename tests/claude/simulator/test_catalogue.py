"""The free routes: counting tokens and listing models."""

import time
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from claude import current_models
from tests.claude.simulator.asking import PROMPT, ask, formatted
from tests.support.simulator import RunningSimulator

DAY = 86_400
MESSAGES: list[Any] = [{"role": "user", "content": PROMPT}]


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-haiku-4-5"])
def test_a_count_is_what_the_call_then_uses(server: RunningSimulator, claude: Anthropic, model: str) -> None:
    config: Any = formatted()
    counted = claude.messages.count_tokens(
        model=model, messages=MESSAGES, system="You write.", output_config=config
    )
    assert server.ledger() == []
    assert ask(claude, model=model, system="You write.").usage.input_tokens == counted.input_tokens


def test_newer_models_count_more_tokens(claude: Anthropic) -> None:
    old, new = (
        claude.messages.count_tokens(model=model, messages=MESSAGES).input_tokens
        for model in ("claude-sonnet-4-6", "claude-sonnet-5-5")
    )
    assert 1.2 < new / old < 1.45


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("max_tokens: Extra inputs are not permitted", {"max_tokens": 10}),
    ("temperature: Extra inputs are not permitted", {"temperature": 1}),
    ("stream: Extra inputs are not permitted", {"stream": True}),
    ("messages: Field required", {"messages": None}),
    ("at least one message", {"messages": []}),
    ("between_tools", {"thinking": {"type": "disabled"}}),
    ("output_config.format.type", {"output_config": {"format": {"type": "xml"}}}),
]


@pytest.mark.parametrize(("words", "changes"), REFUSED)
def test_a_count_is_refused_like_the_call(
    server: RunningSimulator, words: str, changes: dict[str, Any]
) -> None:
    wanted = {"model": "claude-sonnet-5-5", "messages": MESSAGES, **changes}
    body = {name: value for name, value in wanted.items() if value is not None}
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    answer = httpx2.post(f"{server.url}/v1/messages/count_tokens", json=body, headers=headers)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert answer.json()["request_id"] == answer.headers["request-id"]


PATHS = [("POST", "messages/count_tokens"), ("GET", "models"), ("GET", "models/claude-sonnet-5-5")]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"anthropic-version": "2026-10-21"}, 401),
        ({"x-api-key": "k"}, 400),
        ({"authorization": "Bearer k", "anthropic-version": "1999-01-01"}, 400),
    ],
)
def test_key_and_version_are_needed_everywhere(
    server: RunningSimulator, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx2.request(method, f"{server.url}/v1/{path}", json={}, headers=headers)
    assert answer.status_code == status


def test_every_model_of_ours_is_listed_as_we_know_it(claude: Anthropic) -> None:
    listed = {model.id: model for model in claude.models.list(limit=5)}
    assert len(listed) > 15
    for card in current_models.list_cards():
        model = listed[card.id]
        assert (model.max_input_tokens, model.max_tokens) == (card.context, card.max_output)
        assert model.capabilities is not None
        assert model.capabilities.structured_outputs.supported == card.structured_outputs
        assert model.capabilities.effort.supported or card.effort is None
        if card.thinking is not None:
            assert getattr(model.capabilities.thinking.types, card.thinking["type"]).supported


def test_pages_go_both_ways(claude: Anthropic) -> None:
    every = [model.id for model in claude.models.list(limit=1000)]
    first = claude.models.list(limit=4)
    assert ([model.id for model in first.data], first.has_more) == (every[:4], True)
    second = claude.models.list(limit=4, after_id=first.last_id or "")
    assert [model.id for model in second.data] == every[4:8]
    back = claude.models.list(limit=4, before_id=second.first_id or "")
    assert ([model.id for model in back.data], back.has_more) == (every[:4], False)
    assert every[0] == "claude-fable-5-2"


def test_one_model_and_its_alias(claude: Anthropic) -> None:
    model = claude.models.retrieve("claude-opus-4-5")
    assert (model.id, model.display_name, model.line) == (
        "claude-opus-4-5-20251101",
        "Claude Opus 4.5",
        "opus",
    )
    assert claude.models.retrieve("claude-sonnet-5-5").display_name == "Claude Sonnet 5.5"
    with pytest.raises(anthropic.NotFoundError, match="model: gpt-9"):
        claude.models.retrieve("gpt-9")


@pytest.mark.filterwarnings("ignore:The model 'claude-sonnet-4-5'")
def test_the_life_of_a_model_under_a_moved_clock(server: RunningSimulator, claude: Anthropic) -> None:
    def sonnet() -> str:
        return claude.models.retrieve("claude-sonnet-4-5").lifecycle

    server.options(clock_offset=days_until_retirement(claude) * DAY - DAY)
    assert sonnet() == "deprecated"
    assert ask(claude, model="claude-sonnet-4-5").stop_reason == "end_turn"
    server.options(clock_offset=days_until_retirement(claude) * DAY + DAY)
    assert sonnet() == "retired"
    with pytest.raises(anthropic.NotFoundError):
        ask(claude, model="claude-sonnet-4-5")
    assert claude.models.retrieve("claude-opus-5-5").lifecycle == "active"
    assert claude.models.retrieve("claude-sonnet-4-20250514").lifecycle == "retired"


def days_until_retirement(claude: Anthropic) -> float:
    retires = claude.models.retrieve("claude-sonnet-4-5").retires_at
    assert retires is not None
    return (retires.timestamp() - time.time()) / DAY


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after_id=nobody", "colour=red"])
def test_wrong_queries(server: RunningSimulator, query: str) -> None:
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    answer = httpx2.get(f"{server.url}/v1/models?{query}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
