"""A stream byte by byte, its timing, and what the ledger says of streams that end early."""

import asyncio
import itertools
import json
import resource
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp
import httpx2
import pytest
from anthropic import Anthropic

from tests.claude.simulator.asking import PROMPT, ask, formatted, text_of
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator

HEADERS = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
OPEN = 1000


def body(prompt: str = PROMPT, **changes: Any) -> dict[str, Any]:
    wanted = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": prompt}],
        "output_config": formatted(),
        "stream": True,
    }
    return {**wanted, **changes}


def events(text: str) -> list[tuple[str | None, dict[str, Any]]]:
    """(event name, data) of each event, split as the standard says."""
    found: list[tuple[str | None, dict[str, Any]]] = []
    for part in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in part.split("\n"))
        found.append((fields.get("event"), json.loads(fields["data"])))
    return found


def streamed(server: RunningSimulator, **changes: Any) -> list[tuple[str | None, dict[str, Any]]]:
    answer = httpx2.post(f"{server.url}/v1/messages", json=body(**changes), headers=HEADERS, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["request-id"] == server.ledger()[-1]["request_id"]
    assert answer.headers["anthropic-ratelimit-requests-limit"]
    return events(answer.text)


def test_the_order_of_events(server: RunningSimulator) -> None:
    found = streamed(server)
    assert all(name == data["type"] for name, data in found)
    names = [name for name, _ in found if name != "ping"]
    assert [name for name, _ in itertools.groupby(names)] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_stop") * 2,
        "message_delta",
        "message_stop",
    ]
    assert sum(name == "ping" for name, _ in found) >= 2


def test_the_parts_of_each_event(server: RunningSimulator) -> None:
    found = streamed(server)
    start = found[0][1]["message"]
    assert (start["content"], start["stop_reason"], start["usage"]["output_tokens"]) == ([], None, 1)
    assert start["usage"]["input_tokens"] > 100
    blocks = [data["content_block"] for name, data in found if name == "content_block_start"]
    assert blocks == [{"type": "thinking", "thinking": "", "signature": ""}, {"type": "text", "text": ""}]
    deltas = [(data["index"], data["delta"]["type"]) for name, data in found if name == "content_block_delta"]
    assert deltas[0] == (0, "signature_delta")
    assert set(deltas[1:]) == {(1, "text_delta")}
    ending = found[-2][1]
    assert ending["delta"] == {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None}
    assert ending["usage"]["input_tokens"] == start["usage"]["input_tokens"]
    assert 0 < ending["usage"]["output_tokens_details"]["thinking_tokens"] < ending["usage"]["output_tokens"]


def test_a_stream_says_what_the_whole_message_says(server: RunningSimulator, claude: Anthropic) -> None:
    whole = ask(claude)
    texts = []
    for _ in range(2):
        found = streamed(server)
        texts.append("".join(data.get("delta", {}).get("text", "") for _, data in found))
        assert found[-2][1]["usage"]["output_tokens"] == whole.usage.output_tokens
    assert texts == [text_of(whole)] * 2
    one, two, three = server.ledger()
    assert one["cost_usd"] == two["cost_usd"] == three["cost_usd"]
    assert (one["stream"], two["stream"], two["delivered"]) == (False, True, True)


def test_the_latency_is_spread_over_the_chunks(server: RunningSimulator) -> None:
    server.options(latency=1.0, jitter=0)
    before, arrivals = time.monotonic(), []
    with httpx2.stream("POST", f"{server.url}/v1/messages", json=body(), headers=HEADERS) as answer:
        for _ in answer.iter_bytes():
            arrivals.append(time.monotonic() - before)
    assert arrivals[0] < 0.5
    assert 0.9 < arrivals[-1] < 2
    assert len(arrivals) >= 5


def test_a_client_that_leaves_is_billed_for_the_whole_reply(server: RunningSimulator) -> None:
    server.options(latency=1.0, jitter=0)
    with httpx2.stream("POST", f"{server.url}/v1/messages", json=body(), headers=HEADERS) as answer:
        next(answer.iter_bytes())
    wait_for(lambda: server.ledger()[-1]["answered_at"], what="the server notices")
    entry = server.ledger()[-1]
    assert (entry["billed"], entry["delivered"], entry["stop_reason"]) == (True, False, "end_turn")
    server.options(latency=0)
    assert streamed(server)[-2][1]["usage"]["output_tokens"] == entry["output_tokens"]


def sent(server: RunningSimulator, fault: dict[str, Any]) -> str:
    """What arrives of a stream with a fault, whether or not it ends well."""
    server.faults([fault])
    got = bytearray()
    try:
        with httpx2.stream("POST", f"{server.url}/v1/messages", json=body(), headers=HEADERS) as answer:
            for chunk in answer.iter_bytes():
                got += chunk
    except httpx2.RemoteProtocolError:
        assert fault["kind"] == "stream_dropped"
    return got.decode()


@pytest.mark.parametrize("kind", ["stream_error", "stream_truncated", "stream_dropped"])
def test_an_early_end_bills_what_was_produced(server: RunningSimulator, kind: str) -> None:
    found = streamed(server)
    whole, chunks = found[-2][1]["usage"]["output_tokens"], str(found).count("text_delta")
    billed = []
    for after in (0, 3, 8, 10_000):
        text = sent(server, {"kind": kind, "after_chunks": after})
        assert text.count("text_delta") == min(after, chunks)
        assert "message_delta" not in text
        assert text.count("overloaded_error") == (kind == "stream_error")
        entry = server.ledger()[-1]
        assert (entry["fault"], entry["status"], entry["billed"]) == (kind, 200, True)
        assert entry["stop_reason"] is None
        cost = (Decimal(2) * entry["input_tokens"] + Decimal(10) * entry["output_tokens"]) / 1_000_000
        assert Decimal(entry["cost_usd"]) == cost
        billed.append(entry["output_tokens"])
    assert billed == sorted(set(billed))
    assert billed[-1] == whole


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("stream_unstopped", "message_delta"),
        ("stream_malformed", '{"type":"te\n\n'),
        ("stream_unknown_event", "event: content_block_weather\n"),
        ("stream_stalled", "message_stop"),
    ],
)
def test_the_other_faults_bill_the_whole_reply(server: RunningSimulator, kind: str, mark: str) -> None:
    whole = streamed(server)[-2][1]["usage"]["output_tokens"]
    text = sent(server, {"kind": kind, "after_chunks": 3, "seconds": 0.2})
    assert mark in text
    assert ("event: message_stop" in text) == (kind != "stream_unstopped")
    assert server.ledger()[-1]["output_tokens"] == whole
    assert text.index("text_delta") < text.index(mark)


def test_nameless_events_from_the_start_or_from_some_chunk(server: RunningSimulator) -> None:
    assert "event:" not in sent(server, {"kind": "stream_nameless"})
    text = sent(server, {"kind": "stream_nameless", "after_chunks": 2})
    assert [name for name, _ in events(text)].count("content_block_delta") == 3
    assert events(text)[-1][0] is None


def test_stream_faults_wait_for_a_stream(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "stream_truncated"}])
    assert ask(claude).stop_reason == "end_turn"
    assert "message_stop" not in sent(server, {"kind": "stream_truncated"})


@pytest.mark.parametrize("kind", ["refusal", "empty", "max_tokens", "fence"])
def test_other_faults_in_a_stream(server: RunningSimulator, kind: str) -> None:
    server.faults([{"kind": kind}])
    found = streamed(server)
    expected = {"refusal": "refusal", "max_tokens": "max_tokens"}.get(kind, "end_turn")
    assert found[-2][1]["delta"]["stop_reason"] == expected


def test_a_reset_after_the_answer_was_made(server: RunningSimulator) -> None:
    server.faults([{"kind": "reset_after"}])
    with pytest.raises(httpx2.TransportError):
        httpx2.post(f"{server.url}/v1/messages", json=body(), headers=HEADERS)
    entry = server.ledger()[-1]
    assert (entry["billed"], entry["status"], entry["delivered"]) == (True, None, False)


async def _read_all(url: str) -> list[int]:
    async def one(session: aiohttp.ClientSession, number: int) -> int:
        mine = body(f"{PROMPT} {number}", model="claude-haiku-5-5", stream=number % 2 == 0)
        async with session.post(f"{url}/v1/messages", json=mine, headers=HEADERS) as answer:
            got = await answer.read()
            assert (b"event: message_stop" in got) == mine["stream"]
            return answer.status

    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return await asyncio.gather(*(one(session, number) for number in range(OPEN)))


def test_a_thousand_open_requests_half_of_them_streams(
    server: RunningSimulator, record_property: Callable[[str, object], None]
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server.options(latency=3.0, jitter=0)
    before = server.cpu_seconds()
    assert asyncio.run(_read_all(server.url)) == [200] * OPEN
    per_reply_ms = (server.cpu_seconds() - before) * 1000 / OPEN
    record_property("cpu_ms_per_reply", round(per_reply_ms, 2))
    print(f"CPU per reply: {per_reply_ms:.2f} ms")
    assert per_reply_ms < 25
    assert all(entry["billed"] and entry["delivered"] for entry in server.ledger())
