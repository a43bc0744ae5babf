"""Every row of the table of stream traps through our own client: what the SDK does not see, it must.

The rows that the independent mock can play run against both servers, with the same outcome.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from claude import translation
from claude.client import Client
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider, Reply, Request
from tests.contract.targets import Target
from tests.support.simulator import RunningSimulator

LONG = 16_384  # above the threshold: streamed
SILENCE_S = 0.6


@pytest.fixture
def client(target: Target) -> Iterator[Client]:
    yield from _client(target.base_url)


@pytest.fixture
def our_client(ours: RunningSimulator) -> Iterator[Client]:
    yield from _client(ours.url)


def _client(url: str) -> Iterator[Client]:
    made = Client(Provider(base_url=url, api_key="a-key-of-a-test"), shards=1, silence_s=SILENCE_S)
    yield made
    made.close()


def ask(client: Client, **changes: Any) -> Reply:
    fields: dict[str, Any] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": LONG,
        "prompt": "Topic: a first budget. Answer with JSON only.",
    }
    deadline_s = changes.pop("deadline_s", 20)
    return client.ask(Request(**{**fields, **changes}), deadline_s=deadline_s)


def failing(client: Client, **changes: Any) -> ClaudeError:
    with pytest.raises(ClaudeError) as caught:
        ask(client, **changes)
    return caught.value


def test_a_long_answer_comes_as_a_stream_and_says_the_same(
    client: Client, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = ask(client)
    monkeypatch.setattr(translation, "STREAM_ABOVE_TOKENS", LONG)
    plain = ask(client)
    assert plain.body.startswith(b"{")
    assert streamed.text == plain.text != ""
    assert (streamed.stop_reason, streamed.model) == (plain.stop_reason, plain.model)
    assert streamed.usage.output_tokens > 1
    assert streamed.body.startswith(b"event: message_start")
    assert target.requests() == 2


def test_truncated(client: Client, target: Target) -> None:
    """Row: clean EOF before `message_delta`."""
    target.spoil("truncated")
    raised = failing(client)
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.costs_attempt, raised.maybe_billed) == ("connection", True, True)
    _tells_what_it_knows(raised)
    assert target.requests() == 1


def test_dropped(client: Client, target: Target) -> None:
    """Row: connection dropped mid-body."""
    target.spoil("dropped")
    raised = failing(client)
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.costs_attempt, raised.maybe_billed) == ("connection", True, True)
    _tells_what_it_knows(raised)


def test_stalled(client: Client, target: Target) -> None:
    """Row: stall longer than the read timeout mid-body."""
    target.spoil("stalled")
    raised = failing(client)
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.costs_attempt, raised.maybe_billed) == ("timeout", True, True)
    _tells_what_it_knows(raised)


def test_malformed(client: Client, target: Target) -> None:
    """Row: a `data:` line that is not JSON."""
    target.spoil("malformed")
    raised = failing(client)
    assert isinstance(raised, Unusable)
    assert raised.kind == "unreadable"
    _tells_what_it_knows(raised)


def _tells_what_it_knows(raised: ClaudeError) -> None:
    """The prompt's tokens are in the first event, and the text that came is kept."""
    assert raised.usage is not None
    assert raised.usage.input_tokens > 0
    assert b"message_start" in raised.body
    assert raised.status == 200


def test_nothing_is_sent_twice(client: Client, target: Target) -> None:
    for fault in ("dropped", "stalled", "malformed", "truncated"):
        target.spoil(fault)
        failing(client)
    assert target.requests() == 4


# What only our simulator can play.


def test_an_error_event(ours: RunningSimulator, our_client: Client) -> None:
    """Row: SSE `error` event. The SDK makes a status error with status 200 of it, and loses its class."""
    ours.faults([{"kind": "stream_error", "after_chunks": 3}])
    raised = failing(our_client)
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.status, raised.costs_attempt) == ("overloaded", 200, True)
    assert raised.request_id == ours.ledger()[-1]["request_id"]
    _tells_what_it_knows(raised)


def test_an_end_without_message_stop_is_whole(ours: RunningSimulator, our_client: Client) -> None:
    """Row: clean EOF after `message_delta`, no `message_stop`. Nothing is missing."""
    whole = ask(our_client)
    ours.faults([{"kind": "stream_unstopped"}])
    reply = ask(our_client)
    assert (reply.text, reply.usage, reply.stop_reason) == (whole.text, whole.usage, "end_turn")
    assert b"message_stop" not in reply.body


@pytest.mark.parametrize("after", [None, 2])
def test_nameless_events_are_read_by_their_type(
    ours: RunningSimulator, our_client: Client, after: int | None
) -> None:
    """Row: events without `event:` line. The SDK skips them; the JSON says what they are."""
    whole = ask(our_client)
    ours.faults([{"kind": "stream_nameless", "after_chunks": after}])
    reply = ask(our_client)
    assert (reply.text, reply.usage, reply.stop_reason) == (whole.text, whole.usage, "end_turn")


def test_an_unknown_event_is_harmless(ours: RunningSimulator, our_client: Client) -> None:
    """Row: unknown event name."""
    whole = ask(our_client)
    ours.faults([{"kind": "stream_unknown_event"}])
    reply = ask(our_client)
    assert (reply.text, reply.usage) == (whole.text, whole.usage)
    assert b"content_block_weather" in reply.body


def test_the_bill_is_never_above_what_is_known_of_it(ours: RunningSimulator, our_client: Client) -> None:
    """Of the prompt exactly what the ledger says; of the output the least, and all of it once the count has come."""
    kinds = ["stream_error", "stream_truncated", "stream_dropped", "stream_stalled", "stream_malformed"]
    ours.faults([{"kind": kind, "after_chunks": 3} for kind in kinds])
    for kind in kinds:
        raised, billed = failing(our_client), ours.ledger()[-1]
        assert raised.usage is not None
        assert raised.usage.input_tokens == billed["input_tokens"]
        assert raised.usage.output_tokens <= billed["output_tokens"] < LONG
        assert raised.output_known is (kind == "stream_malformed")
        assert not raised.output_known or raised.usage.output_tokens == billed["output_tokens"]


def test_the_one_deadline_ends_a_stream_that_never_falls_silent(
    ours: RunningSimulator, our_client: Client
) -> None:
    ours.faults([{"kind": "drip", "size": 20, "interval": 0.05}])
    started = time.monotonic()
    raised = failing(our_client, deadline_s=1.0)
    assert time.monotonic() - started < 10
    assert (type(raised), raised.kind) == (Busy, "timeout")


def test_faults_before_the_stream_are_those_of_a_plain_call(
    ours: RunningSimulator, our_client: Client
) -> None:
    kinds: list[tuple[str, type[ClaudeError]]] = [
        ("overloaded", Busy),
        ("unauthorized", Blocked),
        ("bad_request", Declined),
        ("not_json_body", Unusable),
    ]
    ours.faults([{"kind": kind} for kind, _ in kinds])
    for _, error in kinds:
        raised = failing(our_client)
        assert type(raised) is error
        assert raised.usage is None


def test_a_refusal_and_a_cut_answer_come_through(ours: RunningSimulator, our_client: Client) -> None:
    ours.faults([{"kind": "refusal", "category": "bio"}, {"kind": "max_tokens"}])
    refused, cut = ask(our_client), ask(our_client)
    assert (refused.stop_reason, refused.refusal) == ("refusal", "bio: " + (refused.refusal or "")[5:])
    assert cut.stop_reason == "max_tokens"
    for reply, billed in zip((refused, cut), ours.ledger(), strict=True):
        assert reply.usage.output_tokens == billed["output_tokens"]


def test_thinking_comes_first_and_is_left_out(ours: RunningSimulator, our_client: Client) -> None:
    reply = ask(our_client, model="claude-opus-5-5")
    assert reply.message.index(b'"thinking"') < reply.message.index(b'"text"')
    assert reply.text.startswith("{")
