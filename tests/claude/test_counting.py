"""count_tokens through our client: what is sent, what comes back, and each way of not answering."""

import json
import time
from collections.abc import Callable

import pytest

from claude.client import Client
from claude.counting import count_tokens, lacks_route
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider, Request
from tests.claude.odd_server import Answering, OddServer, failure, odd_server

Reaction = Callable[[Answering], None]


def count(server: OddServer, *, deadline_s: float = 10.0) -> int:
    client = Client(Provider(base_url=server.url, api_key="sk-ant-a-secret-key"), shards=1)
    asked = Request(
        model="claude-sonnet-4-6",
        max_tokens=64_000,
        prompt="Hi",
        system="Be brief",
        schema={"type": "object"},
        temperature=0.5,
    )
    try:
        return count_tokens(client, asked, deadline_s=deadline_s)
    finally:
        client.close()


def answering(status: int, body: bytes) -> Reaction:
    return lambda handler: handler.answer(status, body)


def test_the_prompt_is_sent_and_nothing_about_the_answer() -> None:
    with odd_server(answering(200, b'{"input_tokens": 14}')) as server:
        assert count(server) == 14
        [seen] = server.seen
    assert seen.path == "/v1/messages/count_tokens"
    assert seen.body["system"] == "Be brief"
    assert seen.body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "schema" in json.dumps(seen.body["output_config"]), "a schema counts too"
    assert not seen.body.keys() & {"max_tokens", "stream", "temperature"}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"input_tokens": "14"}', b'{"input_tokens": 0}'])
def test_what_is_no_number_is_not_taken_for_one(body: bytes) -> None:
    with odd_server(answering(200, body)) as server, pytest.raises(Unusable):
        count(server)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Blocked), (401, Blocked), (429, Busy), (529, Busy), (500, Busy), (400, Declined)],
)
def test_refusals_are_our_errors(status: int, error: type[ClaudeError]) -> None:
    with (
        odd_server(answering(status, failure("some_error", "No."))) as server,
        pytest.raises(error) as caught,
    ):
        count(server)
    assert lacks_route(caught.value) == (status == 404)


def test_it_ends_at_its_deadline() -> None:
    def never(handler: Answering) -> None:
        handler.server_state.stop.wait(30)

    began = time.monotonic()
    with odd_server(never) as server, pytest.raises(Busy):
        count(server, deadline_s=0.3)
    assert time.monotonic() - began < 10
