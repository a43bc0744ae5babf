"""Let the provider count the tokens of a prompt. The call is free and has rate limits of its own."""

import json
from typing import Any

from claude import translation
from claude.client import Client
from claude.errors import ClaudeError, Unusable
from claude.messages import Request

# Fields of a request that count_tokens does not take.
ONLY_TO_ANSWER = ("max_tokens", "stream", "temperature")
# Statuses with which a server answers when it does not have the route.
NO_SUCH_ROUTE = (404, 405, 501)
HIGHEST_COUNT = 1_000_000_000


def count_tokens(client: Client, request: Request, *, deadline_s: float) -> int:
    """The number of tokens of the prompt. The call ends after `deadline_s` seconds at the latest.

    Raises Busy, Blocked, Declined or Unusable. `lacks_route` tells whether it means that there is no such route.
    """
    body = {name: value for name, value in translation.payload(request).items() if name not in ONLY_TO_ANSWER}
    model, messages = body.pop("model"), body.pop("messages")
    with client.line(deadline_s) as sdk:
        answer = sdk.messages.with_raw_response.count_tokens(
            model=model, messages=messages, extra_body=body, timeout=deadline_s
        )
        return _count(answer.http_response.content)


def lacks_route(error: ClaudeError) -> bool:
    """Whether the server does not have the route that was called. (It may also answer 404 because it does not know the model.)"""
    return error.status in NO_SUCH_ROUTE


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
