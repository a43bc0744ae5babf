"""The client against real sockets: every status, every odd way of not answering, and the deadline."""

import os
import pickle
import threading
import time
from collections.abc import Callable

import pytest

from claude.client import Client
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider, Reply, Request
from tests.claude.odd_server import Answering, OddServer, failure, message, odd_server

KEY = "sk-ant-a-secret-key"
Reaction = Callable[[Answering], None]


def ask(server: OddServer, *, deadline_s: float = 10.0, key: str = KEY, **changes: object) -> Reply:
    fields: dict[str, object] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "prompt": "Hi",
        "tag": "log-1",
    }
    client = Client(Provider(base_url=server.url, api_key=key), shards=1)
    try:
        return client.ask(Request(**(fields | changes)), deadline_s=deadline_s)  # type: ignore[arg-type]
    finally:
        client.close()


def failing(reaction: Reaction, **changes: object) -> ClaudeError:
    with odd_server(reaction) as server, pytest.raises(ClaudeError) as caught:
        ask(server, **changes)  # type: ignore[arg-type]
    assert caught.value.__cause__ is not None or isinstance(caught.value, Unusable)
    return caught.value


def answering(status: int, body: bytes, **headers: str) -> Reaction:
    named = {"request-id": "req_1"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(status, body, headers=named)


def test_a_plain_answer_comes_back_whole() -> None:
    body = message()
    with odd_server(answering(200, body)) as server:
        reply = ask(server, system="Be brief", schema={"type": "object"})
    assert (reply.text, reply.stop_reason, reply.model) == ("hello", "end_turn", "claude-sonnet-5-5")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (12, 34)
    assert reply.body == body
    assert (reply.request_id, reply.simulated) == ("req_1", False)
    assert reply.duration_ms >= 0


def test_what_is_sent_is_the_payload_with_our_tag_and_key() -> None:
    with odd_server(answering(200, message())) as server:
        ask(server, system="Be brief", schema={"type": "object"})
        [seen] = server.seen
    assert seen.path == "/v1/messages"
    assert seen.headers["x-client-request-id"] == "log-1"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["anthropic-version"] == "2026-10-21"
    assert seen.headers["x-stainless-retry-count"] == "0"
    assert seen.body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hi"}],
        "system": "Be brief",
        "thinking": {"type": "between_tools"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    }


def test_a_temperature_goes_out_only_with_the_version_that_takes_it() -> None:
    with odd_server(answering(200, message())) as server:
        ask(server, model="claude-sonnet-4-6", temperature=0.5)
        ask(server, model="claude-sonnet-5-5", temperature=0.5)
        old, new = server.seen
    assert (old.body["temperature"], old.headers["anthropic-version"]) == (0.5, "2023-06-01")
    assert ("temperature" in new.body, new.headers["anthropic-version"]) == (False, "2026-10-21")


def test_the_environment_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    with odd_server(answering(200, message())) as server:
        assert ask(server).text == "hello"
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
        assert "x-api-key" not in server.seen[0].headers


def test_the_simulator_gives_itself_away_by_its_header() -> None:
    with odd_server(answering(200, message(), x_lorapipe_simulator="1")) as server:
        assert ask(server).simulated is True


RATE = failure("rate_limit_error", "Slow down")
SPENT = failure("rate_limit_error", "Limit", code="enforced_spend_limit_reached")
CONTRACT = failure("rate_limit_error", "Limit", code="contract_spend_limit_reached")
RAMP = failure("rate_limit_error", "Too steep", code="ramp_limit_exceeded")
USAGE_LIMIT = failure("invalid_request_error", "You have reached your specified API usage limits. Wait.")
NO_CREDIT = failure("invalid_request_error", "Your credit balance is too low to access the API.")
HTML = b"<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "error", "kind"),
    [
        (400, failure("invalid_request_error", "max_tokens: too big"), Declined, "invalid_request"),
        (400, USAGE_LIMIT, Blocked, "provider_billing"),
        (400, NO_CREDIT, Blocked, "provider_billing"),
        (401, failure("authentication_error", "invalid key"), Blocked, "provider_auth"),
        (402, failure("billing_error", "pay"), Blocked, "provider_billing"),
        (403, failure("permission_error", "no"), Blocked, "provider_auth"),
        (404, failure("not_found_error", "model: x"), Blocked, "not_found"),
        (405, b"", Blocked, "not_found"),
        (413, HTML, Declined, "too_large"),
        (422, failure("invalid_request_error", "no"), Declined, "invalid_request"),
        (429, SPENT, Blocked, "provider_billing"),
        (429, CONTRACT, Blocked, "provider_billing"),
        (307, b"", Blocked, "not_found"),
    ],
)
def test_statuses_that_no_waiting_cures(
    status: int, body: bytes, error: type[ClaudeError], kind: str
) -> None:
    raised = failing(answering(status, body))
    assert (type(raised), raised.kind, raised.status) == (error, kind, status)
    assert (raised.request_id, raised.body) == ("req_1", body)
    assert f"HTTP {status}" in str(raised)


@pytest.mark.parametrize(
    ("status", "body", "kind", "costs_attempt"),
    [
        (408, b"", "timeout", True),
        (409, failure("conflict_error", "again"), "server_error", True),
        (429, RATE, "rate_limited", False),
        (429, RAMP, "rate_limited", False),
        (500, failure("api_error", "oops"), "server_error", True),
        (502, HTML, "server_error", True),
        (503, failure("overloaded_error", "busy"), "overloaded", False),
        (504, failure("timeout_error", "slow"), "timeout", True),
        (529, failure("overloaded_error", "Overloaded"), "overloaded", False),
    ],
)
def test_statuses_worth_another_try(status: int, body: bytes, kind: str, *, costs_attempt: bool) -> None:
    with odd_server(answering(status, body)) as server:
        with pytest.raises(Busy) as caught:
            ask(server)
        assert len(server.seen) == 1, "the SDK must not repeat a call by itself"
    raised = caught.value
    assert (raised.kind, raised.costs_attempt, raised.status) == (kind, costs_attempt, status)
    assert raised.blocks_pool is (status == 429)
    assert (raised.retry_after, raised.request_id, raised.body) == (None, "req_1", body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(status: int) -> None:
    with odd_server(answering(200, message())) as elsewhere:
        raised = failing(answering(status, b"", location=f"{elsewhere.url}/v1/messages"))
    assert isinstance(raised, Blocked)
    assert elsewhere.seen == []


def test_retry_after_is_kept_in_seconds() -> None:
    assert failing(answering(429, RATE, retry_after="7")).retry_after == 7.0


@pytest.mark.parametrize("status", [401, 200])
def test_a_repeated_key_is_blotted_out(status: int) -> None:
    raised = failing(answering(status, failure("authentication_error", f"bad key {KEY}")))
    assert KEY not in str(raised)
    assert KEY.encode() not in raised.body


def test_a_reset_before_the_answer() -> None:
    raised = failing(lambda handler: handler.reset())
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.costs_attempt) == ("connection", True)


def test_a_reset_in_the_middle_keeps_the_request_id() -> None:
    def half(handler: Answering) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.send_header("request-id", "req_half")
        handler.end_headers()
        handler.wfile.write(b'{"id":')
        handler.close_connection = True

    raised = failing(half)
    assert isinstance(raised, Busy)
    assert (raised.kind, raised.costs_attempt, raised.request_id) == ("connection", True, "req_half")


def test_nobody_listens() -> None:
    with odd_server(answering(200, message())) as server:
        pass
    with pytest.raises(Busy) as caught:
        ask(server)
    assert caught.value.kind == "connection"
    assert "ANTHROPIC_BASE_URL" in str(caught.value)


def seconds_until_timeout(reaction: Reaction, *, deadline_s: float) -> float:
    with odd_server(reaction) as server:
        started = time.monotonic()
        with pytest.raises(Busy) as caught:
            ask(server, deadline_s=deadline_s)
        took = time.monotonic() - started
    assert (caught.value.kind, caught.value.costs_attempt) == ("timeout", True)
    return took


def silent(handler: Answering) -> None:
    handler.server_state.stop.wait(20)


def dripping_head(handler: Answering) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    handler.drip(b"x-drip: 1\r\n")


def dripping_body(handler: Answering) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    handler.drip(b" ")


def dripping_error(handler: Answering) -> None:
    handler.wfile.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 100000\r\n\r\n")
    handler.drip(b" ")


@pytest.mark.parametrize("reaction", [silent, dripping_head, dripping_body, dripping_error])
def test_the_deadline_ends_the_call_however_it_is_held_up(reaction: Reaction) -> None:
    assert 0.4 <= seconds_until_timeout(reaction, deadline_s=0.4) < 2


def test_a_proxy_of_the_environment_is_used_for_far_servers_and_obeys_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = OddServer("http://model.invalid")
    with odd_server(answering(200, message())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ask(far).text == "hello"
        assert proxy.seen[0].headers["host"] == "model.invalid"
    with odd_server(dripping_body) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        started = time.monotonic()
        with pytest.raises(Busy) as caught:
            ask(far, deadline_s=0.4)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < 2


def test_two_megabytes_arrive_unchanged() -> None:
    body = message(content=[{"type": "text", "text": "ä" * 2_000_000}])
    with odd_server(answering(200, body)) as server:
        reply = ask(server)
    assert reply.body == body
    assert len(reply.text) == 2_000_000


def test_an_endless_body_is_not_read_to_its_end() -> None:
    def endless(handler: Answering) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nrequest-id: req_big\r\ncontent-length: 1000000000\r\n\r\n")
        handler.drip(b" " * 1_000_000, every=0.0)

    raised = failing(endless, deadline_s=30.0)
    assert isinstance(raised, Unusable)
    assert (raised.kind, raised.request_id) == ("unreadable", "req_big")
    assert 0 < len(raised.body) <= 1024 * 1024


@pytest.mark.parametrize("body", [b"", b"not json", HTML, b"[]", b"{}", b"\xff\xfe"])
def test_a_200_that_is_no_message(body: bytes) -> None:
    raised = failing(answering(200, body))
    assert isinstance(raised, Unusable)
    assert (raised.kind, raised.body, raised.request_id) == ("unreadable", body, "req_1")


@pytest.mark.parametrize("key", ["", "  ", "schlüssel", "two\nlines"])
def test_a_key_that_cannot_be_sent_is_an_auth_error_without_the_key(key: str) -> None:
    with odd_server(answering(200, message())) as server, pytest.raises(Blocked) as caught:
        ask(server, key=key)
    assert caught.value.kind == "provider_auth"
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://[", "http://"])
def test_an_address_that_is_none_is_blocked(url: str) -> None:
    with pytest.raises(Blocked) as caught:
        ask(OddServer(url))
    assert "ANTHROPIC_BASE_URL" in str(caught.value)


def test_a_prompt_that_is_no_text_is_declined() -> None:
    with odd_server(answering(200, message())) as server, pytest.raises(Declined) as caught:
        ask(server, prompt="half an emoji \ud83d")
    assert caught.value.kind == "invalid_request"
    assert not server.seen


def test_errors_survive_pickling() -> None:
    raised = failing(answering(529, HTML, retry_after="3"))
    copy = pickle.loads(pickle.dumps(raised))
    assert type(copy) is Busy
    assert vars(copy) == vars(raised)
    assert str(copy) == str(raised)


def test_calls_spread_over_the_shards_and_none_waits() -> None:
    together = threading.Barrier(120)
    busiest: list[int] = []

    def all_at_once(handler: Answering) -> None:
        together.wait(timeout=20)
        busiest.append(max(shard.in_use for shard in client._connections.shards))
        together.wait(timeout=20)
        handler.answer(200, message())

    with odd_server(all_at_once) as server:
        client = Client(Provider(base_url=server.url, api_key=KEY), shards=3)
        request = Request(model="claude-sonnet-5-5", max_tokens=10, prompt="Hi")
        texts: list[str] = []
        threads = [
            threading.Thread(target=lambda: texts.append(client.ask(request, deadline_s=30).text))
            for _ in range(120)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
    assert texts == ["hello"] * 120
    assert max(busiest) == 40


def test_a_deprecated_model_is_still_called() -> None:
    with (
        odd_server(answering(200, message())) as server,
        pytest.warns(DeprecationWarning, match="sonnet-4-5"),
    ):
        assert ask(server, model="claude-sonnet-4-5").text == "hello"


def test_nothing_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    with odd_server(answering(200, message())) as server:
        for _ in range(3):
            ask(server)
    assert before is None or len(os.listdir("/proc/self/fd")) <= before
