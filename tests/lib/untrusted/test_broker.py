"""What strangers put into the broker: dropped and logged, and no worker ends of it."""

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
import redis

from lib.untrusted.broker import UNREADABLE, check_message
from lorapipe.celery import app
from lorapipe.queues import Queue


def make_message(
    *, args: Any = ("x",), kwargs: Any = None, embed: Any = None, **changes: Any
) -> dict[str, Any]:
    """A message as Celery sends it."""
    body = base64.b64encode(json.dumps([args, kwargs or {}, embed or {"callbacks": None}]).encode()).decode()
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "batches.generate", "id": str(uuid4()), "timelimit": [None, None]},
        "properties": {"delivery_tag": str(uuid4()), "body_encoding": "base64", "delivery_info": {}},
        **changes,
    }


HEADERS = make_message()["headers"]
GARBAGE: list[Any] = [
    *([], {}, None, 7, "text", [1, 2], {"headers": {}}, {"body": "x"}),
    make_message(headers=None),
    make_message(headers=[]),
    make_message(headers={"task": ["batches.generate"], "id": "x"}),
    make_message(headers={**HEADERS, "eta": "2030-01-01T00:00:00"}),
    make_message(headers={**HEADERS, "expires": 1e308}),
    make_message(headers={**HEADERS, "timelimit": [0.001, 0.001]}),
    make_message(headers={**HEADERS, "id": {}}),
    make_message(properties=None),
    make_message(properties={"delivery_tag": {}}),
    make_message(body=None),
    make_message(body="not base64!"),
    make_message(body=base64.b64encode(b"\xff\xfe").decode()),
    make_message(body=base64.b64encode(b"[[[" * 100_000).decode()),
    make_message(body=base64.b64encode(b'{"a": 1}').decode()),
    make_message(args={"a": 1}, kwargs={"b": 2}),
    make_message(args=[["x"]]),
    make_message(args=7),
    make_message(embed={"callbacks": [{"task": "batches.generate", "args": ["x"]}]}),
    make_message(embed={"chord": {"task": "batches.generate"}}),
    make_message(**{"content-type": "application/x-python-serialize"}),
    make_message(**{"content-encoding": "utf-7"}),
]


@pytest.mark.parametrize("message", GARBAGE, ids=range(len(GARBAGE)))
def test_what_we_never_sent_is_not_delivered(message: Any) -> None:
    with pytest.raises(UNREADABLE):
        check_message(message)


def test_what_we_send_is_delivered(settings: Any) -> None:
    """The message that Celery really makes of a task of ours."""
    client: Any = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    with app.connection_for_write() as connection:
        app.send_task("batches.generate", args=[str(uuid4())], queue="test-broker", connection=connection)
    try:
        check_message(json.loads(client.rpop("lorapipe:test-broker") or b"null"))
    finally:
        client.delete("lorapipe:test-broker", "lorapipe:_kombu.binding.test-broker")
        client.close()


def test_every_connection_uses_our_transport(settings: Any) -> None:
    with app.connection_for_read() as connection:
        assert type(connection.transport).__module__ == "lib.untrusted.broker"
    assert set(Queue) == {Queue.GENERATION, Queue.INTERACTIVE}, "no queue of the webhooks"
