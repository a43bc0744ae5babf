"""Every row of the reference's table of stream traps: what the SDK makes of streams that end or go wrong.

The rows that the independent mock can play run against both servers. `GUARD` is what product code has to catch
around a stream; `AssertionError` is the one that it does not cover.
"""

import json
from collections.abc import Callable

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.contract.asking import QUESTION, ask, final, read, text_of
from tests.contract.targets import Target
from tests.support.simulator import RunningSimulator

GUARD = (anthropic.APIError, httpx2.HTTPError, ValueError)
IMPATIENT = httpx2.Timeout(5, read=0.5)


def broken(claude: Anthropic, error: type[Exception]) -> tuple[str, Exception]:
    """The text that came before the error, and the error."""
    pieces: list[str] = []
    with claude.messages.stream(**QUESTION, timeout=IMPATIENT) as stream, pytest.raises(error) as caught:
        pieces.extend(stream.text_stream)
    return "".join(pieces), caught.value


def test_truncated_looks_like_success_without_a_stop_reason(claude: Anthropic, target: Target) -> None:
    whole = text_of(ask(claude))
    target.spoil("truncated")
    pieces, message = read(claude)
    assert message.stop_reason is None
    assert pieces == text_of(message) != whole
    assert whole.startswith(pieces) or target.base_url.endswith("/anthropic")


def test_dropped_is_a_raw_protocol_error(claude: Anthropic, target: Target) -> None:
    target.spoil("dropped")
    pieces, error = broken(claude, httpx2.RemoteProtocolError)
    assert pieces
    assert not isinstance(error, anthropic.APIError)
    assert isinstance(error, GUARD)


def test_stalled_is_a_raw_read_timeout(claude: Anthropic, target: Target) -> None:
    target.spoil("stalled")
    pieces, error = broken(claude, httpx2.ReadTimeout)
    assert pieces
    assert not isinstance(error, anthropic.APIError)
    assert isinstance(error, GUARD)


def test_malformed_is_a_raw_json_error(claude: Anthropic, target: Target) -> None:
    target.spoil("malformed")
    pieces, error = broken(claude, json.JSONDecodeError)
    assert pieces
    assert isinstance(error, GUARD)


@pytest.mark.parametrize("fault", ["dropped", "stalled", "malformed", "truncated"])
def test_nothing_is_tried_again_once_a_stream_has_begun(
    claude: Anthropic, target: Target, fault: str
) -> None:
    target.spoil(fault)
    retrying = claude.with_options(max_retries=3, timeout=IMPATIENT)
    try:
        assert read(retrying)[1].stop_reason is None
    except GUARD:
        assert fault != "truncated"
    assert target.requests() == 1


# What only our simulator can play.


def test_an_error_event_is_a_status_error_with_status_200(
    ours: RunningSimulator, our_claude: Anthropic
) -> None:
    ours.faults([{"kind": "stream_error", "after_chunks": 3}])
    pieces, error = broken(our_claude.with_options(max_retries=2), anthropic.APIStatusError)
    assert pieces
    assert isinstance(error, anthropic.APIStatusError)
    assert (error.status_code, error.type) == (200, "overloaded_error")
    assert not isinstance(error, anthropic.OverloadedError)
    [entry] = ours.ledger()
    assert (entry["status"], entry["billed"]) == (200, True)


def test_an_end_without_message_stop_looks_complete(ours: RunningSimulator, our_claude: Anthropic) -> None:
    whole = ask(our_claude)
    ours.faults([{"kind": "stream_unstopped"}])
    pieces, message = read(our_claude)
    assert (pieces, message.stop_reason) == (text_of(whole), "end_turn")
    assert message.usage == whole.usage


def test_nameless_events_end_in_a_bare_assertion(ours: RunningSimulator, our_claude: Anthropic) -> None:
    ours.faults([{"kind": "stream_nameless", "times": 2}])
    with our_claude.messages.stream(**QUESTION) as stream, pytest.raises(AssertionError) as caught:
        final(stream)
    assert not isinstance(caught.value, GUARD)
    assert list(our_claude.messages.create(**QUESTION, stream=True)) == []


def test_events_that_lose_their_names_look_truncated(ours: RunningSimulator, our_claude: Anthropic) -> None:
    ours.faults([{"kind": "stream_nameless", "after_chunks": 2}])
    pieces, message = read(our_claude)
    assert pieces
    assert message.stop_reason is None


def _helper(claude: Anthropic) -> list[str]:
    with claude.messages.stream(**QUESTION) as stream:
        types: list[str] = [event.type for event in stream]
        assert final(stream).stop_reason == "end_turn"
    return types


def _raw(claude: Anthropic) -> list[str]:
    return [event.type for event in claude.messages.create(**QUESTION, stream=True)]


@pytest.mark.parametrize("way", [_helper, _raw])
def test_an_unknown_event_is_harmless(
    ours: RunningSimulator, our_claude: Anthropic, way: Callable[[Anthropic], list[str]]
) -> None:
    usual = way(our_claude)
    ours.faults([{"kind": "stream_unknown_event"}])
    with_it = way(our_claude)
    assert [one for one in with_it if one != "content_block_weather"] == usual
    assert with_it.count("content_block_weather") == 1


def test_the_guard_of_the_reference_covers_the_rest(ours: RunningSimulator, our_claude: Anthropic) -> None:
    kinds = ["stream_error", "stream_dropped", "stream_stalled", "stream_malformed"]
    ours.faults([{"kind": kind, "after_chunks": 1} for kind in kinds])
    for _ in kinds:
        with pytest.raises(GUARD):
            read(our_claude, timeout=IMPATIENT)
    assert [entry["fault"] for entry in ours.ledger()] == kinds
    assert all(entry["billed"] for entry in ours.ledger())
