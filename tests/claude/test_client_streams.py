"""Streams from servers that no decent server is: every type of error event, ends that do not end, and JSON instead."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from claude import client as client_module
from claude.client import Client
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider, Reply, Request
from tests.claude.events import DELTA, START, STOP, event, stream, text_block
from tests.claude.odd_server import Answering, message, odd_server


def ask(url: str, *, deadline_s: float = 10.0, silence_s: float = 5.0, max_tokens: int = 20_000) -> Reply:
    client = Client(Provider(base_url=url, api_key="a-key-of-a-test"), shards=1, silence_s=silence_s)
    try:
        request = Request(model="claude-sonnet-5-5", max_tokens=max_tokens, prompt="Hi")
        return client.ask(request, deadline_s=deadline_s)
    finally:
        client.close()


def sending(*parts: bytes, then: str = "end") -> Callable[[Answering], None]:
    """A server that streams these bytes in chunks, then ends, resets or stays silent."""

    def react(handler: Answering) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("transfer-encoding", "chunked")
        handler.send_header("request-id", "req_s")
        handler.end_headers()
        for part in parts:
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            handler.wfile.flush()
        if then == "silence":
            handler.server_state.stop.wait(20)
        if then == "end":
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.reset()

    return react


def ask_stream(*parts: bytes, then: str = "end", **named: Any) -> Reply:
    with odd_server(sending(*parts, then=then)) as server:
        return ask(server.url, **named)


def failing(*parts: bytes, then: str = "end", **named: Any) -> ClaudeError:
    with pytest.raises(ClaudeError) as caught:
        ask_stream(*parts, then=then, **named)
    return caught.value


BEGUN = (START, *text_block("hello")[:-1])


@pytest.mark.parametrize(
    ("type_", "error", "kind"),
    [
        ("overloaded_error", Busy, "overloaded"),
        ("rate_limit_error", Busy, "rate_limited"),
        ("api_error", Busy, "server_error"),
        ("timeout_error", Busy, "timeout"),
        ("a_new_error", Busy, "server_error"),
        ("authentication_error", Blocked, "provider_auth"),
        ("permission_error", Blocked, "provider_auth"),
        ("billing_error", Blocked, "provider_billing"),
        ("invalid_request_error", Declined, "invalid_request"),
        ("not_found_error", Blocked, "not_found"),
        ("request_too_large", Declined, "too_large"),
    ],
)
def test_an_error_event_means_what_its_type_says(type_: str, error: type[ClaudeError], kind: str) -> None:
    raised = failing(*BEGUN, event("error", error={"type": type_, "message": "Because"}))
    assert (type(raised), raised.kind, raised.status, raised.request_id) == (error, kind, 200, "req_s")
    assert type_ in str(raised)
    assert "Because" in str(raised)
    assert raised.usage is not None
    assert (raised.usage.input_tokens, raised.output_known) == (12, False)
    if isinstance(raised, Busy):
        assert (raised.costs_attempt, raised.maybe_billed) == (True, True)


def test_a_spend_limit_in_an_error_event_is_no_rate_limit() -> None:
    error = {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}
    raised = failing(*BEGUN, event("error", error=error))
    assert (type(raised), raised.kind) == (Blocked, "provider_billing")


@pytest.mark.parametrize("error", [{}, {"type": 3, "message": 4}, "text", None])
def test_an_error_event_without_a_word_is_the_servers_failure(error: object) -> None:
    assert failing(*BEGUN, event("error", error=error)).kind == "server_error"


def test_an_error_event_before_the_message_has_begun_is_an_error_answer() -> None:
    """No token was made, so it takes neither money nor an attempt."""
    raised = failing(event("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert isinstance(raised, Busy)
    assert (raised.costs_attempt, raised.maybe_billed, raised.usage) == (False, False, None)


@pytest.mark.parametrize("last", [event("error", error={"type": "api_error"}), DELTA + STOP])
def test_after_the_last_word_nobody_waits_for_the_end(monkeypatch: pytest.MonkeyPatch, last: bytes) -> None:
    monkeypatch.setattr(client_module, "CLOSING_S", 0.2)
    started = time.monotonic()
    whole = last.startswith(DELTA)
    with odd_server(sending(*BEGUN, last, then="silence")) as server:
        if whole:
            assert ask(server.url, silence_s=15, deadline_s=15).text == "hello"
        else:
            with pytest.raises(Busy):
                ask(server.url, silence_s=15, deadline_s=15)
        assert time.monotonic() - started < 8


def test_a_drop_after_the_stop_reason_loses_nothing() -> None:
    reply = ask_stream(START, *text_block("hel", "lo"), DELTA, then="reset")
    assert (reply.text, reply.stop_reason, reply.usage.output_tokens) == ("hello", "end_turn", 34)


def test_silence_before_the_first_event_and_between_two_is_a_timeout() -> None:
    for parts in ((), BEGUN):
        raised = failing(*parts, then="silence", silence_s=0.3)
        assert (type(raised), raised.kind) == (Busy, "timeout")
        assert (raised.usage is None) is (not parts)
        assert raised.body == b"".join(parts)


def test_the_deadline_is_shorter_than_the_silence_when_it_is() -> None:
    assert failing(*BEGUN, then="silence", deadline_s=0.4).kind == "timeout"


@pytest.mark.parametrize("body", [b"", b"no event at all\n\n", b"<html></html>"])
def test_a_stream_of_no_events_is_unreadable(body: bytes) -> None:
    raised = failing(body) if body else failing()
    assert (type(raised), raised.kind) == (Unusable, "unreadable")


def test_only_pings_are_a_stream_that_was_cut() -> None:
    raised = failing(event("ping"), event("ping"))
    assert (type(raised), raised.kind, raised.usage) == (Busy, "connection", None)


def test_a_whole_stream_without_a_count_of_tokens_is_counted_by_us() -> None:
    reply = ask_stream(
        START, *text_block("x" * 20), event("message_delta", delta={"stop_reason": "end_turn"}), STOP
    )
    assert (reply.text, reply.usage.input_tokens) == ("x" * 20, 12)
    assert (reply.usage.output_tokens, reply.usage.estimated) == (10, True)


def test_a_server_that_does_not_stream_may_answer_with_json() -> None:
    with odd_server(lambda handler: handler.answer(200, message())) as server:
        reply = ask(server.url)
        assert server.seen[0].body["stream"] is True
    assert (reply.text, reply.message) == ("hello", b"")


def test_short_answers_are_not_streamed() -> None:
    with odd_server(lambda handler: handler.answer(200, message())) as server:
        ask(server.url, max_tokens=8192)
        assert "stream" not in server.seen[0].body


def test_an_endless_stream_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_BODY", 100_000)
    raised = failing(stream("x" * 200_000))
    assert (type(raised), raised.kind, raised.request_id) == (Unusable, "unreadable", "req_s")
