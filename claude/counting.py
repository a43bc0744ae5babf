"""How many tokens a prompt has, by the provider's own count: a free call, with limits of its own."""

import json
from typing import Any

from claude import translation
from claude.client import Client
from claude.errors import Declined, Unusable
from claude.messages import Request

# What count_tokens does not take of a request.
ONLY_TO_ANSWER = ("max_tokens", "stream", "temperature")
# Statuses of a route that a server does not have.
NO_SUCH_ROUTE = (404, 405, 501)
HIGHEST_COUNT = 1_000_000_000


def count_tokens(client: Client, request: Request, *, deadline_s: float) -> int:
    """The tokens of the prompt, over after `deadline_s` seconds at the latest.

    Raises Busy, Blocked, Declined or Unusable as an answer would; `lacks_counting` says that the server has no such route.
    """
    body = {name: value for name, value in translation.payload(request).items() if name not in ONLY_TO_ANSWER}
    model, messages = body.pop("model"), body.pop("messages")
    with client.line(deadline_s) as sdk:
        answer = sdk.messages.with_raw_response.count_tokens(
            model=model, messages=messages, extra_body=body, timeout=deadline_s
        )
        return _count(answer.http_response.content)


def lacks_counting(refusal: Declined) -> bool:
    """Whether the server has no count_tokens. (A model that it does not know is answered with 404 as well.)"""
    return refusal.status in NO_SUCH_ROUTE


def _count(body: bytes) -> int:
    found = _object(body).get("input_tokens")
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= HIGHEST_COUNT:
        raise Unusable(
            "The server answered count_tokens with something else than a number of tokens.",
            kind="unreadable",
            status=200,
            body=body[:1000],
        )
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
