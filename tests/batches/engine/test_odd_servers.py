"""Answers that were reported of real servers and gateways, over HTTP, until they are rows: what is kept, booked and repeated."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from batches.engine.retry import handle_error
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, JobStatus, LogState, Reason
from claude.client import Client
from claude.errors import ClaudeError
from claude.messages import Provider
from conversations.models import Conversation
from tests.claude.events import DELTA, START, STOP, event, text_block
from tests.claude.odd_server import Answering, failure, message, odd_server
from tests.support.invariants import assert_no_violations
from tests.support.replies import GOOD
from tests.support.steps import claim_item, file_reply

pytestmark = pytest.mark.django_db

Answer = Callable[[Answering], None]
SAID = json.dumps(GOOD)
TEXT = [{"type": "text", "text": SAID}]
OPEN, *PIECES, CLOSE = text_block(SAID[:500], SAID[500:])


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


def answer(status: int, body: Any, *, type_: str = "application/json", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: handler.answer(status, raw, type_=type_, headers=headers)


def reply(**changes: Any) -> Answer:
    return answer(200, message(**{"content": TEXT, **changes}))


def stream(*parts: bytes) -> Answer:
    return answer(200, b"".join(parts), type_="text/event-stream")


def cut(handler: Answering) -> None:
    """The body breaks off in its middle."""
    handler.send_response(200)
    handler.send_header("content-length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "msg_1", "type"')
    handler.reset()


def cut_stream(handler: Answering) -> None:
    """The connection is reset behind half of the text."""
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.end_headers()
    handler.wfile.write(b"".join([START, OPEN, PIECES[0]]))
    handler.reset()


def cut_chunk(handler: Answering) -> None:
    """A gateway that passes an answer on in chunks ends within one of them, without the chunk that ends the body."""
    body = message(content=TEXT)
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%b" % (len(body), body[:-200]))
    handler.close_connection = True


@dataclass
class Server:
    """A server that gives these answers in turn, and the worker that asks it for the job's first item."""

    client: Client
    job: BatchJob
    worker: Worker
    script: list[Answer] = field(default_factory=list)

    def play(self, *answers: Answer) -> BatchItem:
        """Work on the item until it has ended, its job stands still, or there is no answer left."""
        self.script[:] = answers
        while self.script and self.is_due():
            claimed = claim_item(self.job, self.worker)
            try:
                file_reply(claimed, self.client.send(claimed.call.prepared, deadline_s=20))
            except ClaudeError as error:
                handle_error(claimed, error)
        assert_no_violations()
        return self.item()

    def is_due(self) -> bool:
        self.job.refresh_from_db()
        running = self.job.status in (JobStatus.QUEUED, JobStatus.PROCESSING)
        return running and self.item().status == ItemStatus.QUEUED

    def item(self) -> BatchItem:
        return self.job.items.get(position=1)


@pytest.fixture
def server(job: BatchJob, worker: Worker) -> Iterator[Server]:
    script: list[Answer] = []
    with odd_server(lambda handler: script.pop(0)(handler)) as started:
        client = Client(Provider(base_url=started.url, api_key="sk-of-a-test"), shards=1)
        yield Server(client, job, worker, script)
        client.close()


def find_logs() -> Sequence[GenerationLog]:
    return list(GenerationLog.objects.order_by("created_at"))


KEPT = {
    # a whole text without token counts
    "no usage": reply(usage=None),
    "empty usage": reply(usage={}),
    "usage without the prompt": reply(usage={"input_tokens": None, "output_tokens": 900}),
    "usage of zeros": reply(usage={"input_tokens": 0, "output_tokens": 0}),
    "stream without usage": stream(
        event("message_start", message={"model": "m", "content": []}),
        *(OPEN, *PIECES, CLOSE),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 900}),
        STOP,
    ),
    "stream without any count": stream(
        *(OPEN, *PIECES, CLOSE), event("message_delta", delta={"stop_reason": "end_turn"})
    ),
    # token counts under other names, or at the end
    "names of another API": reply(usage={"prompt_tokens": 400, "completion_tokens": 900}),
    "usage at the end of a stream": stream(
        event("message_start", message={"model": "m", "content": []}),
        *(OPEN, *PIECES, CLOSE),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn"},
            usage={"input_tokens": 400, "output_tokens": 900},
        ),
        STOP,
    ),
    # slightly other shapes
    "content as text": reply(content=SAID),
    "content as a list of texts": reply(content=[SAID]),
    "no type and role": answer(
        200, {"content": TEXT, "stop_reason": "end_turn", "usage": {"input_tokens": 4, "output_tokens": 9}}
    ),
    "a text that is null": reply(content=[*TEXT, {"type": "text", "text": None}]),
    "a block without a type": reply(content=[{"text": SAID}]),
    "unknown stop reason": reply(stop_reason="eos"),
    # streams
    "done mark after the end": stream(START, OPEN, *PIECES, CLOSE, DELTA, STOP, b"data: [DONE]\n\n"),
    "done mark instead of the end": stream(START, OPEN, *PIECES, CLOSE, DELTA, b"data: [DONE]\n\n"),
    "rubbish after the end": stream(START, OPEN, *PIECES, CLOSE, DELTA, STOP, b"<bye>\n\n"),
    "an error after the end": stream(
        START, OPEN, *PIECES, CLOSE, DELTA, STOP, event("error", error={"type": "api_error"})
    ),
    "start twice": stream(START, START, OPEN, *PIECES, CLOSE, DELTA, STOP),
    "start after the block": stream(OPEN, START, *PIECES, CLOSE, DELTA, STOP),
    "no start": stream(OPEN, *PIECES, CLOSE, DELTA, STOP),
    "begun anew": stream(START, OPEN, PIECES[0], START, OPEN, *PIECES, CLOSE, DELTA, STOP),
    "json in spite of the content type": answer(200, message(content=TEXT), type_="text/event-stream"),
}
ESTIMATED = {
    *("no usage", "empty usage", "usage without the prompt", "usage of zeros"),
    *("stream without usage", "stream without any count", "no start"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_whole_reply_is_kept_and_booked(name: str, server: Server) -> None:
    item = server.play(KEPT[name])
    [log] = find_logs()
    assert (item.status, log.state) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    assert Conversation.objects.get().turn_count == len(GOOD["turns"])
    assert log.estimated is (name in ESTIMATED)
    assert Decimal(0) < log.cost_usd <= log.reservation_usd
    assert log.input_tokens > 0
    assert log.output_tokens > 0


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (answer(200, {"error": {"code": 502, "message": "Provider returned error"}}), "server_error"),
        (answer(200, failure("overloaded_error", "Overloaded")), "overloaded"),
        (answer(200, {"error": {"message": "We are at capacity", "code": 503}}), "overloaded"),
        (answer(200, {"detail": "Internal failure"}), "server_error"),
        (
            answer(200, failure("overloaded_error", "Overloaded"), type_="text/event-stream"),
            "overloaded",
        ),
        (stream(event("error", error={"type": "overloaded_error", "message": "Overloaded"})), "overloaded"),
        (stream(b'data: {"error": {"message": "Upstream is overloaded"}}\n\n'), "overloaded"),
        (answer(200, b"<html><title>Sign in</title></html>", type_="text/html"), "not_the_api"),
        (answer(502, b"<html><title>Bad gateway</title></html>", type_="text/html"), "server_error"),
        (answer(529, failure("overloaded_error", "Overloaded"), **{"retry-after": "0"}), "overloaded"),
    ],
)
def test_an_error_in_any_place_is_waited_for_and_books_nothing(
    first: Answer, kind: str, server: Server
) -> None:
    item = server.play(first, reply())
    failed, made = find_logs()
    assert (failed.error_kind, failed.state, failed.cost_usd) == (kind, LogState.FAILED, Decimal(0))
    assert (item.status, made.state) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (cut, "connection"),
        (cut_stream, "connection"),
        (cut_chunk, "connection"),
        (
            stream(START, OPEN, event("error", error={"type": "overloaded_error", "message": "x"})),
            "overloaded",
        ),
        (
            stream(START, OPEN, PIECES[0], b'data: {"error": {"message": "x", "code": 500}}\n\n'),
            "server_error",
        ),
        (stream(START, OPEN, PIECES[0]), "connection"),
    ],
)
def test_what_broke_off_once_it_had_begun_is_booked_and_repeated(
    first: Answer, kind: str, server: Server
) -> None:
    item = server.play(first, reply())
    lost, made = find_logs()
    assert (lost.error_kind, lost.state) == (kind, LogState.UNKNOWN)
    assert Decimal(0) < lost.cost_usd <= lost.reservation_usd
    assert (item.status, made.state) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)


FILTER = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}


@pytest.mark.parametrize(
    ("only", "kind", "words"),
    [
        (
            answer(403, {"error": {"message": "Input flagged", "metadata": {"reasons": ["x"]}}}),
            "moderated",
            "Input flagged",
        ),
        (stream(START, OPEN, PIECES[0], event("error", error=FILTER)), "moderated", "content filtering"),
        (reply(content=[], stop_reason="refusal"), "declined", "refused"),
        (reply(content=None, stop_reason="refusal"), "declined", "refused"),
        (
            stream(
                START, event("message_delta", delta={"stop_reason": "refusal"}, usage={"output_tokens": 3})
            ),
            "declined",
            "refused",
        ),
        (reply(stop_reason="model_context_window_exceeded"), "context_window", "Shorten the values"),
    ],
)
def test_what_another_call_would_not_change_ends_the_item(
    only: Answer, kind: str, words: str, server: Server
) -> None:
    item = server.play(only, reply())
    assert (item.status, item.error_kind, len(find_logs())) == (ItemStatus.FAILED, kind, 1)
    assert words in item.error_message
    server.job.refresh_from_db()
    assert server.job.status == JobStatus.PROCESSING, "the others go on"


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (reply(content=[]), "it is empty"),
        (reply(content=[{"type": "thinking", "thinking": "Hm"}]), "thinking and nothing else"),
        (reply(content=[{"type": "thinking", "thinking": "Hm"}], stop_reason="max_tokens"), "still thinking"),
        (answer(200, {"choices": [{"message": {"content": SAID}}]}), "not with a message"),
    ],
)
def test_what_holds_no_text_is_named_and_asked_again(first: Answer, words: str, server: Server) -> None:
    item = server.play(first, reply())
    assert item.status == ItemStatus.COMPLETED
    unusable = find_logs()[0]
    assert unusable.state == LogState.UNUSABLE
    assert words in unusable.error_message


@pytest.mark.parametrize(
    ("only", "reason"),
    [
        (answer(401, failure("authentication_error", "invalid x-api-key")), Reason.PROVIDER_AUTH),
        (
            answer(400, failure("invalid_request_error", "Your credit balance is too low")),
            Reason.PROVIDER_BILLING,
        ),
        (answer(200, {"error": {"code": 402, "message": "More credits, please"}}), Reason.PROVIDER_BILLING),
        (
            stream(event("error", error={"type": "billing_error", "message": "Pay first"})),
            Reason.PROVIDER_BILLING,
        ),
        (answer(308, b"", location="https://elsewhere.example"), Reason.NOT_FOUND),
    ],
)
def test_what_every_item_would_meet_is_met_once(only: Answer, reason: Reason, server: Server) -> None:
    item = server.play(only, reply())
    server.job.refresh_from_db()
    assert (server.job.status, server.job.reason) == (JobStatus.FAILED, reason)
    assert (item.status, item.attempt, len(find_logs())) == (ItemStatus.QUEUED, 0, 1)
