"""A stream put together: whatever way it is cut into chunks, lines and events, and what is said when it is not whole."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude.messages import Usage
from claude.streaming import PartialMessage, is_stream, looks_like_stream
from claude.translation import reply
from tests.claude.events import DELTA, START, STOP, event, stream, text_block

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_a_whole_stream_is_the_message_of_a_plain_call() -> None:
    thinking = [
        event(
            "content_block_start",
            index=0,
            content_block={"type": "thinking", "thinking": "", "signature": ""},
        ),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "Eq"}),
        event("content_block_stop", index=0),
    ]
    partial = PartialMessage(b"".join([START, *thinking, *text_block("hel", "lo", index=1), DELTA, STOP]))
    assert partial.is_complete
    assert partial.is_over
    assert partial.message() == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "Eq"},
            {"type": "text", "text": "hello"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 34},
    }
    assert partial.usage == Usage(input_tokens=12, output_tokens=34, cache_read=5)


@unhurried
@given(st.data(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_chunks_and_line_ends_do_not_matter(data: st.DataObject, line_end: bytes) -> None:
    body = stream("one ", "zwei \u00fc\U0001f600 ", "three").replace(b"\n", line_end)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body) - 1), max_size=30)))
    partial = PartialMessage()
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        partial.feed(body[start:end])
    assert partial.body == body
    assert partial.is_complete
    assert partial.message()["content"] == [{"type": "text", "text": "one zwei \u00fc\U0001f600 three"}]


@unhurried
@given(st.integers(0, len(stream("one", "two"))))
def test_a_stream_that_ends_anywhere_is_whole_only_with_its_stop_reason(end: int) -> None:
    body = stream("one", "two")
    partial = PartialMessage(body[:end])
    assert partial.is_complete is (end >= body.index(STOP))
    assert not partial.is_malformed or end < len(body)
    assert partial.has_begun is (end >= len(START))
    if partial.has_begun:
        assert partial.usage
        assert partial.usage.input_tokens == 12
        assert partial.has_ended is partial.is_complete


@unhurried
@given(st.binary())
def test_no_bytes_raise_anything(body: bytes) -> None:
    partial = PartialMessage(body)
    assert not partial.is_complete
    assert partial.usage is None


def test_several_lines_of_data_and_comments_are_one_event() -> None:
    halves = b'data: {"type":\ndata: "message_stop"}\n\n'
    partial = PartialMessage(b": hello\n\n" + b"id: 7\nretry: 10\n" + halves)
    assert (partial.events, partial.is_over, partial.is_malformed) == (1, True, False)


@pytest.mark.parametrize(
    "line",
    [
        b"data: {\n\n",
        b"data: [1]\n\n",
        b"data: 3\n\n",
        b"something else\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        event("content_block_delta", index=9, delta={"type": "text_delta", "text": "x"}),
        event("content_block_delta", index="x", delta={"type": "text_delta", "text": "x"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": 3}),
        event("content_block_delta", index=0, delta="x"),
        event("content_block_start", index=0),
        event("message_start", message=3),
    ],
)
def test_what_is_no_event_spoils_the_text_and_keeps_the_count(line: bytes) -> None:
    """Nobody can say what was lost, so the text is worthless; the counts that follow are still the bill."""
    body = b"".join([START, *text_block("one")[:-1], line, DELTA, STOP])
    partial = PartialMessage(body)
    assert partial.is_malformed
    assert not partial.is_complete
    assert partial.has_ended
    assert partial.usage == Usage(input_tokens=12, output_tokens=34, cache_read=5)


@pytest.mark.parametrize(
    "rest",
    [
        b"data: [DONE]\n\n",
        b"data: {\n\n",
        b"<html>bye</html>\n\n",
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        event("message_start", message={}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "more"}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    ],
)
def test_whatever_follows_the_end_is_ignored(rest: bytes) -> None:
    partial = PartialMessage(stream("one") + rest)
    assert (partial.is_complete, partial.error) == (True, None)
    assert partial.message()["content"] == [{"type": "text", "text": "one"}]
    assert partial.usage == Usage(input_tokens=12, output_tokens=34, cache_read=5)


@pytest.mark.parametrize("rest", [b"data: [DONE]\n\n", b"data: {\n\n", b"what?\n\n" + STOP])
def test_after_the_stop_reason_the_text_is_whole(rest: bytes) -> None:
    assert PartialMessage(b"".join([START, *text_block("one"), DELTA, rest])).is_complete


def test_a_done_mark_before_the_stop_reason_is_a_cut() -> None:
    partial = PartialMessage(b"".join([START, *text_block("one"), b"data: [DONE]\n\n"]))
    assert (partial.is_over, partial.is_complete, partial.is_malformed) == (True, False, False)


OPEN, *PIECES, CLOSE = text_block("o", "ne")


@pytest.mark.parametrize(
    "parts",
    [
        (START, START, OPEN, *PIECES, CLOSE),
        (OPEN, START, *PIECES, CLOSE),
        (OPEN, *PIECES, CLOSE, START),
        (OPEN, *PIECES, CLOSE),
        (START, *PIECES, CLOSE),
        (START, PIECES[0], OPEN, PIECES[1], CLOSE),
        (START, OPEN, PIECES[0], START, OPEN, *PIECES, CLOSE),
        (START, OPEN, OPEN, *PIECES, CLOSE),
    ],
    ids=["twice", "late", "last", "never", "no block", "late block", "begun anew", "block twice"],
)
def test_starts_that_come_twice_late_or_never_leave_the_text_whole(parts: tuple[bytes, ...]) -> None:
    partial = PartialMessage(b"".join([*parts, DELTA, STOP]))
    assert partial.is_complete
    assert partial.message()["content"] == [{"type": "text", "text": "one"}]


@pytest.mark.parametrize(
    "line",
    [
        b'data: {"error": {"message": "Upstream failed", "code": 502}}\n\n',
        b'event: error\ndata: {"error": "Upstream failed"}\n\n',
        b"event: error\ndata: Upstream failed\n\n",
    ],
)
def test_an_error_of_a_gateway_is_heard_in_other_forms(line: bytes) -> None:
    partial = PartialMessage(START + line)
    assert partial.error
    assert partial.error["message"] == "Upstream failed"


def test_a_last_count_of_0_does_not_replace_the_prompts() -> None:
    last = event(
        "message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": 0, "output_tokens": 34}
    )
    found = PartialMessage(b"".join([START, *text_block("one"), last, STOP])).message()["usage"]
    assert (found["input_tokens"], found["output_tokens"]) == (12, 34)


def test_unknown_events_and_deltas_are_harmless() -> None:
    odd = [
        event("weather", outlook="fine"),
        event("content_block_delta", index=0, delta={"type": "mood_delta", "mood": "good"}),
        event("ping"),
    ]
    first, *rest = text_block("one")
    partial = PartialMessage(b"".join([START, first, *odd, *rest, DELTA, STOP]))
    assert partial.is_complete
    assert partial.message()["content"] == [{"type": "text", "text": "one"}]


def test_a_count_grows_until_the_end() -> None:
    """A provider may tell of its output more than once; only with the stop reason it is the last word."""
    so_far = event(
        "message_delta", delta={"stop_reason": None}, usage={"output_tokens": 20, "input_tokens": None}
    )
    partial = PartialMessage(b"".join([START, *text_block("one"), so_far]))
    assert (partial.has_ended, partial.is_complete) == (False, False)
    assert partial.usage == Usage(input_tokens=12, output_tokens=20, cache_read=5)


def test_a_whole_stream_without_a_count_is_no_message() -> None:
    ending = event("message_delta", delta={"stop_reason": "end_turn"})
    partial = PartialMessage(b"".join([START, *text_block("one"), ending, STOP]))
    assert partial.is_complete
    assert not partial.has_ended
    assert "output_tokens" not in partial.message()["usage"]


def test_a_stored_stream_is_read_again_like_a_stored_message() -> None:
    body = stream("hello")
    found = reply(body, headers={}, duration_ms=0)
    assert (found.text, found.stop_reason, found.usage.output_tokens, found.body) == (
        "hello",
        "end_turn",
        34,
        body,
    )
    payload: dict[str, Any] = json.loads(found.json)
    assert payload["content"] == [{"type": "text", "text": "hello"}]
    plain = reply(found.json, headers={}, duration_ms=0)
    assert (plain.text, plain.usage, plain.message) == (found.text, found.usage, b"")


def test_which_answers_are_streams() -> None:
    assert is_stream("text/event-stream; charset=utf-8")
    assert is_stream("Text/Event-Stream")
    assert not is_stream("application/json")
    assert not is_stream("")
    assert looks_like_stream(b"\n event: x")
    assert not looks_like_stream(b'{"event": 1}')
