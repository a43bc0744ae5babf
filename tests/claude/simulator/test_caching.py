"""Prompt caching as the bookkeeping shows it: in the usage, in the bill, under a clock that is moved."""

import threading
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic
from anthropic.types import Message

from claude import current_models
from claude.messages import Usage
from claude.simulator.rules import model_rules
from tests.claude.simulator.asking import ask, formatted
from tests.claude.simulator.test_rules import TODAY
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator

MARK: dict[str, Any] = {"type": "ephemeral"}
HOUR: dict[str, Any] = {"type": "ephemeral", "ttl": "1h"}
MINIMUM = {
    "claude-fable-5-2": 512,
    "claude-opus-5-5": 512,
    "claude-sonnet-5-5": 512,
    "claude-haiku-5-5": 512,
    "claude-opus-4-8": 1024,
    "claude-sonnet-5": 1024,
    "claude-sonnet-4-6": 1024,
    "claude-opus-4-7": 2048,
    "claude-opus-4-6": 4096,
    "claude-haiku-4-5": 4096,
}


def text(words: str, mark: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"cache_control": mark} if mark else {})}


def shared(tokens: int, mark: dict[str, Any] | None = MARK, *, letter: str = "s") -> list[dict[str, Any]]:
    """A system prompt of exactly so many tokens (2.5 characters each)."""
    return [text(letter * int(tokens * 2.5), mark)]


def counted(message: Message) -> tuple[int, int, int]:
    """(plain input, written, read)."""
    usage = message.usage
    return usage.input_tokens, usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0


def test_the_first_call_writes_and_the_next_reads(server: RunningSimulator, claude: Anthropic) -> None:
    plain = ask(claude, "a question", system=shared(4000, None)).usage.input_tokens
    first = ask(claude, "a question", system=shared(4000))
    second = ask(claude, "b question", system=shared(4000))
    assert counted(first) == (plain - 4000, 4000, 0)
    assert counted(second) == (plain - 4000, 0, 4000)
    split = first.usage.cache_creation
    assert split is not None
    assert (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens) == (4000, 0)
    assert counted(ask(claude, "a question", system=shared(4000, letter="t")))[2] == 0


@pytest.mark.parametrize(("mark", "rate"), [(MARK, "2.5"), (HOUR, "4")])
def test_the_bill_has_the_cache_in_it(
    server: RunningSimulator, claude: Anthropic, mark: dict[str, Any], rate: str
) -> None:
    for _ in range(2):
        ask(claude, system=shared(4000, mark))
    wrote, read = server.ledger()
    for entry, extra in ((wrote, Decimal(rate) * 4000), (read, Decimal("0.1") * 4000)):
        cost = Decimal(2) * entry["input_tokens"] + Decimal(10) * entry["output_tokens"] + extra
        assert Decimal(entry["cost_usd"]) == cost / 1_000_000
    assert wrote["cache_write_5m"] + wrote["cache_write_1h"] == read["cache_read"] == 4000


@pytest.mark.parametrize("model", [card.id for card in current_models.list_cards()])
def test_the_client_and_the_simulator_agree_on_cache_prices(model: str) -> None:
    known = model_rules.facts(model, today=TODAY)
    for size in (1000, 60_000):
        cost = model_rules.bill(
            known, input_tokens=7, output_tokens=9, write_5m=size, write_1h=size + 1, read=size + 2
        )
        usage = Usage(
            input_tokens=7,
            output_tokens=9,
            cache_write_5m=size,
            cache_write_1h=size + 1,
            cache_read=size + 2,
        )
        assert current_models.compute_cost(usage, model=model, on=TODAY) == cost


@pytest.mark.parametrize(("model", "minimum"), MINIMUM.items())
def test_a_prefix_below_the_minimum_is_silently_not_cached(
    claude: Anthropic, model: str, minimum: int
) -> None:
    per_token = model_rules.MODELS[model].chars_per_token
    for tokens, expected in ((minimum - 1, 0), (minimum, minimum)):
        words = "m" * int(tokens * per_token)
        for _ in range(2):
            used = counted(ask(claude, model=model, system=[text(words, MARK)]))
        assert used[1:] == (0, expected)


@pytest.mark.parametrize(("mark", "seconds"), [(MARK, 300), (HOUR, 3600)])
def test_an_entry_ends_with_its_lifetime_and_use_renews_it(
    server: RunningSimulator, claude: Anthropic, mark: dict[str, Any], seconds: int
) -> None:
    reads, now = [], 0.0
    for step in (0, seconds - 20, seconds - 20, seconds + 1):
        now += step
        server.options(clock_offset=now)
        reads.append(counted(ask(claude, system=shared(600, mark)))[2])
    assert reads == [0, 600, 600, 0]


def test_it_can_be_read_only_when_the_response_has_begun(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(latency=1, jitter=0)
    first = threading.Thread(target=ask, args=(claude, "first"), kwargs={"system": shared(900)})
    first.start()
    wait_for(server.ledger, what="the first request arrives")
    assert counted(ask(claude, "second", system=shared(900)))[1:] == (900, 0)
    first.join()
    assert counted(ask(claude, "third", system=shared(900)))[1:] == (0, 900)


def test_a_stream_can_be_read_from_its_beginning(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(latency=2, jitter=0)
    with claude.messages.stream(
        model="claude-sonnet-5-5",
        max_tokens=8192,
        system=[{"type": "text", "text": "s" * 2500, "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": "first"}],
    ) as stream:
        start = next(iter(stream))
        assert start.type == "message_start"
        assert start.message.usage.cache_creation_input_tokens == 1000
        server.options(latency=0)
        assert counted(ask(claude, "second", system=shared(1000), output_config={}))[2] == 1000


def test_a_refused_request_writes_nothing(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "overloaded"}])
    with pytest.raises(anthropic.OverloadedError):
        ask(claude, system=shared(900))
    assert counted(ask(claude, system=shared(900)))[1:] == (900, 0)


def test_the_automatic_mark_follows_the_conversation(claude: Anthropic) -> None:
    turns: list[dict[str, Any]] = []
    reads = []
    for number in range(3):
        turns.append({"role": "user", "content": f"{number}" * 2500})
        usage = counted(ask(claude, messages=turns, extra_body={"cache_control": MARK}))
        assert usage[0] == 0, "everything is in front of the last mark"
        reads.append(usage[2])
        turns.append({"role": "assistant", "content": "Go on."})
    assert reads[0] == 0 < reads[1] < reads[2]


def test_a_mark_looks_back_over_twenty_blocks(claude: Anthropic) -> None:
    head = [text("h" * 2500, MARK)]
    ask(claude, messages=[{"role": "user", "content": head}])
    for more, expected in ((19, True), (20, False)):
        blocks = [
            text("h" * 2500),
            *(text(f"{more} {number}") for number in range(more - 1)),
            text("end", MARK),
        ]
        assert (counted(ask(claude, messages=[{"role": "user", "content": blocks}]))[2] > 0) == expected


def test_another_format_spoils_the_messages_and_not_the_system_prompt(claude: Anthropic) -> None:
    def used(**changes: Any) -> tuple[int, int, int]:
        messages = [{"role": "user", "content": [text("q" * 2500, MARK)]}]
        return counted(ask(claude, messages=messages, system=shared(1000), **changes))

    assert used()[2] == 0
    assert used()[2] > 2000
    assert used(output_config={})[2] == 1000
    assert used(model="claude-haiku-5-5")[2] == 0
    assert used(tools=[{"name": "x", "input_schema": {"type": "object"}}])[2] == 0


def test_a_mark_on_the_tools(claude: Anthropic) -> None:
    tool = {"name": "x", "input_schema": {"type": "object"}, "description": "d" * 2500}
    plain = ask(claude, tools=[tool]).usage.input_tokens
    first, second = (counted(ask(claude, tools=[{**tool, "cache_control": MARK}])) for _ in range(2))
    assert sum(first) == sum(second) == plain, "a mark has no tokens of its own"
    assert first[1] == second[2] > 1000


def test_keys_have_caches_of_their_own(server: RunningSimulator, claude: Anthropic) -> None:
    ask(claude, system=shared(900))
    with Anthropic(api_key="another", base_url=server.url, max_retries=0) as other:
        assert counted(ask(other, system=shared(900)))[2] == 0


def test_lifetimes_can_be_mixed(claude: Anthropic) -> None:
    message = ask(
        claude, system=shared(900, HOUR), messages=[{"role": "user", "content": [text("q" * 2500, MARK)]}]
    )
    split = message.usage.cache_creation
    assert split is not None
    assert split.ephemeral_1h_input_tokens == 900
    assert split.ephemeral_5m_input_tokens > 1000
    assert message.usage.cache_creation_input_tokens == 900 + split.ephemeral_5m_input_tokens


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("maximum of 4 blocks", {"system": [text("a", MARK)] * 5}),
    ("maximum of 4 blocks", {"system": [text("a", MARK)] * 4, "extra_body": {"cache_control": MARK}}),
    ("must not come after", {"system": [text("a", MARK), text("b", HOUR)]}),
    ("must not come after", {"system": [text("a", MARK)], "extra_body": {"cache_control": HOUR}}),
    ("Input should be 'ephemeral'", {"system": [text("a", {"type": "lasting"})]}),
    ("Input should be '5m' or '1h'", {"system": [text("a", {"type": "ephemeral", "ttl": "1d"})]}),
    ("system.0.cache_control.scope: Extra inputs", {"system": [text("a", {**MARK, "scope": "x"})]}),
    (
        "conflicts",
        {
            "messages": [{"role": "user", "content": [text("a", HOUR)]}],
            "extra_body": {"cache_control": MARK},
        },
    ),
    (
        "thinking.cache_control",
        {
            "messages": [
                {"role": "user", "content": "a"},
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "", "cache_control": MARK}],
                },
                {"role": "user", "content": "b"},
            ]
        },
    ),
]


@pytest.mark.parametrize(("words", "changes"), REFUSED)
def test_marks_that_are_refused(claude: Anthropic, words: str, changes: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(claude, **changes)
    assert words in str(caught.value)


def test_a_warming_call_without_an_answer(server: RunningSimulator) -> None:
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 0,
        "system": shared(900),
        "messages": [{"role": "user", "content": "-"}],
        "output_config": formatted(),
    }
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    usage = httpx2.post(f"{server.url}/v1/messages", json=body, headers=headers).json()["usage"]
    assert (usage["output_tokens"], usage["cache_creation_input_tokens"]) == (0, 900)
    again = httpx2.post(f"{server.url}/v1/messages", json=body, headers=headers).json()["usage"]
    assert again["cache_read_input_tokens"] == 900
