"""Our request as the API's JSON, the API's JSON as our reply. Pure: no network, no clock, no SDK."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from claude import allowance, lineup
from claude.errors import Unusable, request_id, storable
from claude.messages import Reply, Request, Usage

SIMULATOR_HEADER = "x-lorapipe-simulator"
TAG_HEADER = "x-client-request-id"
VERSION_HEADER = "anthropic-version"
# The only API version that still takes a temperature, and only from the models that a card says so of.
VERSION_WITH_TEMPERATURE = "2023-06-01"
# A count above this is no token count, and would not fit an integer column.
HIGHEST_COUNT = 1_000_000_000


def payload(request: Request) -> dict[str, Any]:
    """The body that is logged and sent.

    Of what a model's card does not allow nothing is sent. A model without a card (another server's) gets the
    plain fields, and the temperature, which such servers take.
    """
    card = _card(request.model)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [{"role": "user", "content": request.prompt}],
    }
    if request.system:
        body["system"] = request.system
    if request.temperature is not None and (card is None or card.takes_temperature):
        body["temperature"] = request.temperature
    if card is not None:
        body |= _small_thinking(card) | _output_config(card, request.schema)
    return body


def headers(request: Request) -> dict[str, str]:
    """The headers of this one call: our tag, and the API version that a temperature needs."""
    sent = {TAG_HEADER: "".join(c for c in request.tag if "!" <= c <= "~")[:200]} if request.tag else {}
    card = _card(request.model)
    if request.temperature is not None and card is not None and card.takes_temperature:
        sent[VERSION_HEADER] = VERSION_WITH_TEMPERATURE
    return sent


def reply(body: bytes, *, headers: Mapping[str, str], duration_ms: int) -> Reply:
    """The answer in a 200. Raises Unusable (`unreadable`) when it is no message of the Messages API.

    The text is that of all text blocks, joined; thinking blocks are left out. Lone surrogates stay.
    """
    try:
        message = json.loads(body)
        text = _text(message["content"])
        usage = _usage(message["usage"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Unusable(
            "The server answered 200, but not with a message of the Messages API. Check that ANTHROPIC_BASE_URL "
            "names a server that speaks it; the call is repeated.",
            kind="unreadable",
            status=200,
            request_id=request_id(headers),
            body=body,
        ) from exc
    stop_reason = _string(message.get("stop_reason"))
    return Reply(
        text=text,
        stop_reason=stop_reason,
        model=_string(message.get("model")) or "",
        usage=usage,
        request_id=request_id(headers),
        simulated=SIMULATOR_HEADER in headers,
        body=body,
        refusal=_refusal(message.get("stop_details")) if stop_reason == "refusal" else None,
        duration_ms=duration_ms,
        limits=allowance.read(headers),
    )


def _card(model: str) -> lineup.ModelCard | None:
    try:
        return lineup.card(model)
    except lineup.UnknownModel:
        return None


def _small_thinking(card: lineup.ModelCard) -> dict[str, Any]:
    return {} if card.thinking is None else {"thinking": dict(card.thinking)}


def _output_config(card: lineup.ModelCard, schema: dict[str, Any] | None) -> dict[str, Any]:
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


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        raise TypeError("usage is not an object")
    split = usage.get("cache_creation")
    split = split if isinstance(split, dict) else {}
    write_1h = _count(split.get("ephemeral_1h_input_tokens"))
    write_5m = _count(split.get("ephemeral_5m_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=_count(usage["input_tokens"], required=True),
        output_tokens=_count(usage["output_tokens"], required=True),
        # Servers that do not split the writes by lifetime mean the default one, 5 minutes.
        cache_write_5m=max(write_5m, written - write_1h),
        cache_write_1h=write_1h,
        cache_read=_count(usage.get("cache_read_input_tokens")),
    )


def _count(value: Any, *, required: bool = False) -> int:
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_COUNT:
        raise ValueError("usage holds something else than a number of tokens")
    return value


def _string(value: Any) -> str | None:
    return storable(value, limit=200) if isinstance(value, str) else None


def _refusal(details: Any) -> str:
    details = details if isinstance(details, dict) else {}
    named = (_string(details.get("category")), _string(details.get("explanation")))
    return ": ".join(part for part in named if part) or "no reason given"
