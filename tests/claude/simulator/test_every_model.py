"""For every model of the table, over HTTP: the request built for it is taken, and each thing it refuses is refused."""

import http.client
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from claude import current_models
from claude.messages import Request
from claude.model_card import EFFORTS, THINKING_MODES, ModelCard
from claude.translation import VERSION_HEADER, VERSION_WITH_TEMPERATURE, headers, payload
from conversations.parsing import SCHEMA, SHAPE_IN_WORDS
from tests.support.simulator import RunningSimulator

NEW = "2026-10-21"
CARDS = {card.id: card for card in current_models.list_cards()}
NAMES = sorted(name for card in CARDS.values() for name in (card.id, *card.aliases))
TOOL = {"name": "note", "description": "Takes a note", "input_schema": {"type": "object", "properties": {}}}
# Until then Sonnet 4.5 is answered.
ALIVE = datetime(2026, 11, 28, tzinfo=UTC)

each_model = pytest.mark.parametrize("name", NAMES)


class Asking:
    """One kept connection: a thousand small requests."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)

    def __call__(self, body: Mapping[str, Any], *, version: str = NEW) -> tuple[int, str]:
        sent = {"authorization": "Bearer k", "content-type": "application/json", VERSION_HEADER: version}
        self.connection.request("POST", "/v1/messages", json.dumps(body), sent)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def asking(simulator: RunningSimulator) -> Iterator[Asking]:
    offset = min(0.0, (ALIVE - datetime.now(UTC)).total_seconds())
    simulator.options(clock_offset=offset)
    asking = Asking(simulator.url)
    yield asking
    asking.connection.close()
    simulator.options(clock_offset=0, schema="enforced", any_model=False)
    simulator.reset()


def request(name: str, **fields: Any) -> Request:
    return Request(
        **{"model": name, "max_tokens": 600, "prompt": "Two turns as JSON.", "schema": SCHEMA, **fields}
    )


def built(name: str, **fields: Any) -> dict[str, Any]:
    return payload(request(name, **fields))


def assert_taken(answer: tuple[int, str]) -> None:
    assert answer[0] == 200, answer[1]


def assert_refused(answer: tuple[int, str], *words: str) -> None:
    status, body = answer
    assert (status, json.loads(body)["error"]["type"]) == (400, "invalid_request_error"), body
    for word in words:
        assert word in body


def without(body: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in fields}


@each_model
def test_what_is_built_for_it_is_taken(asking: Asking, name: str) -> None:
    card = current_models.find_card(name)
    for fields in ({}, {"system": "Be brief."}, {"schema": None}, {"temperature": 0.3}):
        asked = request(name, **fields)
        assert_taken(asking(payload(asked), version=headers(asked).get(VERSION_HEADER, NEW)))
    assert built(name)["output_config"]["format"]["schema"] == SCHEMA
    status, _ = asking(without(built(name, max_tokens=card.max_output), "stream"))
    assert status == 200


@each_model
def test_sampling_is_refused(asking: Asking, name: str) -> None:
    card = current_models.find_card(name)
    for field, value in (("temperature", 0.3), ("temperature", 1), ("top_p", 0.5), ("top_k", 5)):
        forced = {**built(name), field: value}
        assert_refused(asking(forced), field)
        if not card.takes_temperature and value != 1:
            assert_refused(asking(forced, version=VERSION_WITH_TEMPERATURE), field)
    if card.takes_temperature:
        both = {**built(name), "temperature": 0.3, "top_p": 0.5}
        assert_refused(asking(both, version=VERSION_WITH_TEMPERATURE), "top_p")


@each_model
@pytest.mark.parametrize("mode", THINKING_MODES)
def test_thinking_is_taken_as_its_card_says(asking: Asking, name: str, mode: str) -> None:
    thinking = {"type": mode, **({"budget_tokens": 1024} if mode == "enabled" else {})}
    forced = {**built(name, max_tokens=2000), "thinking": thinking}
    if mode in current_models.find_card(name).thinking_modes:
        assert_taken(asking(forced))
    else:
        assert_refused(asking(forced), "thinking")


@each_model
@pytest.mark.parametrize("effort", [*EFFORTS, "huge"])
def test_effort_is_taken_as_its_card_says(asking: Asking, name: str, effort: str) -> None:
    body = without(built(name), "thinking")
    forced = {**body, "output_config": {**body["output_config"], "effort": effort}}
    if effort in current_models.find_card(name).effort_levels:
        assert_taken(asking(forced))
    else:
        assert_refused(asking(forced), "effort")


@each_model
def test_a_prefilled_answer_is_refused(asking: Asking, name: str) -> None:
    """By the newer models at all, by the older ones beside a schema; so none is ever sent."""
    body = built(name)
    body["messages"] = [*body["messages"], {"role": "assistant", "content": "{"}]
    assert_refused(asking(body), "prefill")


@each_model
@pytest.mark.parametrize("kind", ["any", "tool"])
def test_a_forced_tool_is_taken_as_its_card_says(asking: Asking, name: str, kind: str) -> None:
    choice = {"type": kind, **({"name": "note"} if kind == "tool" else {})}
    forced = {**built(name, schema=None), "tools": [TOOL], "tool_choice": choice}
    if current_models.find_card(name).accepts_forced_tool:
        assert_taken(asking(forced))
    else:
        assert_refused(asking(forced), "tool_choice")


@each_model
def test_too_many_tokens_are_refused(asking: Asking, name: str) -> None:
    assert_refused(
        asking(built(name, max_tokens=current_models.find_card(name).max_output + 1)), "max_tokens"
    )


@each_model
def test_a_field_that_nobody_knows_is_refused(asking: Asking, name: str) -> None:
    assert_refused(asking({**built(name), "output_format": {}}), "Extra inputs")


def test_where_no_schema_is_taken_none_is_sent(asking: Asking, simulator: RunningSimulator) -> None:
    """A card without structured outputs, on a server that refuses them."""
    local = ModelCard(id="qwen-3", pool="qwen-3", structured_outputs=False, effort=None, thinking=None)
    plain = current_models.get_active()
    current_models.activate(current_models.ModelTable(version="test", all_cards=(local,), prices=()))
    simulator.options(schema="refused", any_model=True)
    try:
        body = built("qwen-3", max_tokens=8192, prompt=f"Write.\n\n{SHAPE_IN_WORDS}")
        assert body.keys() == {"model", "max_tokens", "messages"}
        status, answer = asking(body)
        assert status == 200
        assert json.loads(json.loads(answer)["content"][0]["text"])["turns"]
        forced = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
        assert_refused(asking(body | forced), "output_config.format")
    finally:
        current_models.activate(plain)
        simulator.options(schema="enforced", any_model=False)


def test_a_retired_or_unknown_model_is_not_found(asking: Asking) -> None:
    for name in ("gpt-9", "claude-opus-4-0"):
        status, body = asking({**built("claude-haiku-5-5"), "model": name})
        assert (status, json.loads(body)["error"]["type"]) == (404, "not_found_error")
