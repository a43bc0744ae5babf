"""The broker as our workers read it: a message that is none of ours is dropped and logged, and ends no worker.

Kombu's own reader lets such a message end the worker: it is restarted, but its calls in flight end with it. The rows
decide what is due, so that a lost message costs seconds at most.
"""

import base64
import json
import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)

# What an unreadable message raises, there or in Celery. Errors of the connection are none of these.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
NEVER_SENT = (
    "eta",
    "expires",
    "timelimit",
)  # by us, and Celery would keep the message in memory, or end the worker


class Channel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        """Read and deliver one message. It has left the list by then, so that one that cannot be read is gone."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs do not have it
        except UNREADABLE as problem:
            logger.warning(
                "A message that cannot be read was dropped (%s: %.200s)", type(problem).__name__, problem
            )
            return True


class Transport(redis.Transport):
    Channel = Channel

    def _deliver(self, message: Any, queue: str | None) -> None:
        check_message(message)
        super()._deliver(message, queue)


def use_this_transport() -> None:
    """For every connection of this process whose URL is one of Redis."""
    TRANSPORT_ALIASES.update(redis=f"{__name__}:Transport", rediss=f"{__name__}:Transport")


def check_message(message: Any) -> None:
    """Raises one of UNREADABLE for what none of our processes has sent: a task by its name, with ids as its arguments."""
    headers, properties = message["headers"], message["properties"]
    texts = (headers["task"], headers["id"], properties["delivery_tag"], message["body"])
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("no task")
    if any(_read_limits(headers)):
        raise ValueError("a message with limits of time")
    if message["content-type"] != "application/json" or message["content-encoding"] != "utf-8":
        raise ValueError("no JSON")
    args, kwargs, embedded = json.loads(base64.b64decode(message["body"], validate=True))
    if not all(isinstance(arg, str) for arg in args) or kwargs != {} or any(embedded.values()):
        raise ValueError("other arguments than ids")


def _read_limits(headers: dict[str, Any]) -> list[Any]:
    values = [headers.get(name) for name in NEVER_SENT]
    return [value for value in values if value not in (None, [None, None])]
