"""Translate our request into the API's JSON, and the API's JSON into our reply. Pure: no network, no clock, no SDK."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claude import allowance, current_models, streaming
from claude.counts import usage_of
from claude.errors import Unusable, make_storable, request_id
from claude.messages import Reply, Request

SIMULATOR_HEADER = "x-lorapipe-simulator"
TAG_HEADER = "x-client-request-id"
VERSION_HEADER = "anthropic-version"
# The only API version that still accepts a temperature, and only for models whose card says so.
VERSION_WITH_TEMPERATURE = "2023-06-01"
# A call that allows more output tokens is streamed. At 40 tokens a second (the rate of the deadline) it could send nothing
# for more than 240 s, and some load balancers and proxies cut an idle connection then. The SDK's own limit is 21,333.
STREAM_ABOVE_TOKENS = 9_600


@dataclass(frozen=True, kw_only=True)
class PreparedRequest:
    """A request as it will be sent: made once, so that what is logged before a call is what the call sends.

    The model table may change between the two; `body` and `headers` do not.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str]


def prepare(request: Request) -> PreparedRequest:
    """Body and headers by the model table that is active now."""
    return PreparedRequest(body=payload(request), headers=headers(request))


def payload(request: Request) -> dict[str, Any]:
    """The JSON body that is logged and sent.

    Fields that the model's card does not allow are left out. For a model without a card (of another server) only the
    basic fields and the temperature are sent, which such servers accept.
    """
    card = _card(request.model)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [{"role": "user", "content": request.prompt}],
    }
    if request.max_tokens > STREAM_ABOVE_TOKENS:
        body["stream"] = True
    if request.system:
        body["system"] = request.system
    if request.lifetime and card is not None:
        body |= _add_cache_mark(request)
    if request.temperature is not None and (card is None or card.takes_temperature):
        body["temperature"] = request.temperature
    if card is not None:
        body |= _small_thinking(card) | _output_config(card, request.schema)
    return body


def _add_cache_mark(request: Request) -> dict[str, Any]:
    """System prompt or message as two blocks: the shared part with the cache mark, and the rest. Together they are the text.

    Empty when a block would have no text, which the API refuses.
    """
    in_prompt = request.shared - len(request.system)
    blocks = _blocks(request.prompt, in_prompt, request.lifetime) if in_prompt > 0 else None
    if blocks:
        return {"messages": [{"role": "user", "content": blocks}]}
    blocks = _blocks(request.system, min(request.shared, len(request.system)), request.lifetime)
    return {"system": blocks} if blocks else {}


def _blocks(text: str, at: int, lifetime: str) -> list[dict[str, Any]] | None:
    shared, own = text[:at], text[at:]
    if not shared.strip() or (own and not own.strip()):
        return None
    mark = {"type": "ephemeral", "ttl": lifetime}
    first = {"type": "text", "text": shared, "cache_control": mark}
    return [first, {"type": "text", "text": own}] if own else [first]


def headers(request: Request) -> dict[str, str]:
    """The headers of a call: our tag, and the API version if a temperature needs another one."""
    sent = {TAG_HEADER: "".join(c for c in request.tag if "!" <= c <= "~")[:200]} if request.tag else {}
    card = _card(request.model)
    if request.temperature is not None and card is not None and card.takes_temperature:
        sent[VERSION_HEADER] = VERSION_WITH_TEMPERATURE
    return sent


def reply(
    body: bytes, *, headers: Mapping[str, str], duration_ms: int, message: dict[str, Any] | None = None
) -> Reply:
    """The reply in an answer with status 200, whose body is JSON or the text of a stream.

    `message`: the message that was put together from the stream, if that was done already. The text of the reply is that
    of all text blocks, without thinking blocks; lone surrogates are kept. Raises Unusable (`unreadable`) when the body is
    no message of the Messages API.
    """
    try:
        found = _message(body) if message is None else message
        text = _text(found["content"])
        usage = usage_of(found["usage"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Unusable(
            "The server answered 200, but not with a message of the Messages API. Check that ANTHROPIC_BASE_URL "
            "names a server that speaks it; the call is repeated.",
            kind="unreadable",
            status=200,
            request_id=request_id(headers),
            body=body,
        ) from exc
    stop_reason = _string(found.get("stop_reason"))
    return Reply(
        text=text,
        stop_reason=stop_reason,
        model=_string(found.get("model")) or "",
        usage=usage,
        request_id=request_id(headers),
        simulated=SIMULATOR_HEADER in headers,
        body=body,
        refusal=_refusal(found.get("stop_details")) if stop_reason == "refusal" else None,
        duration_ms=duration_ms,
        limits=allowance.read(headers),
        message=json.dumps(found).encode() if streaming.looks_like_stream(body) else b"",
    )


def _message(body: bytes) -> Any:
    if not streaming.looks_like_stream(body):
        return json.loads(body)
    partial = streaming.PartialMessage(body)
    if not partial.is_complete:
        raise ValueError("a stream that is not complete")
    return partial.message()


def _card(model: str) -> current_models.ModelCard | None:
    try:
        return current_models.find_card(model)
    except current_models.UnknownModel:
        return None


def _small_thinking(card: current_models.ModelCard) -> dict[str, Any]:
    return {} if card.thinking is None else {"thinking": dict(card.thinking)}


def _output_config(card: current_models.ModelCard, schema: dict[str, Any] | None) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if card.effort is not None:
        config["effort"] = card.effort
    if schema is not None and card.structured_outputs:
        config["format"] = {"type": "json_schema", "schema": copy.deepcopy(schema)}
    return {"output_config": config} if config else {}


def _text(content: Any) -> str:
    if not isinstance(content, list):
        raise TypeError("content is not a list of blocks")
    texts = [block["text"] for block in content if block["type"] == "text"]
    return "".join(texts)


def _string(value: Any) -> str | None:
    return make_storable(value, limit=200) if isinstance(value, str) else None


def _refusal(details: Any) -> str:
    details = details if isinstance(details, dict) else {}
    named = (_string(details.get("category")), _string(details.get("explanation")))
    return ": ".join(part for part in named if part) or "no reason given"
