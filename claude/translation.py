"""Translate our request into the API's JSON, and the API's JSON into our reply. Pure: no network, no clock, no SDK."""

import copy
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from claude import allowance, current_models, meaning, streaming
from claude.counts import bound_prompt, bound_tokens, complete_usage, usage_of
from claude.errors import ClaudeError, Unusable, make_storable, request_id
from claude.messages import Reply, Request

SIMULATOR_HEADER = "x-lorapipe-simulator"
TAG_HEADER = "x-client-request-id"
VERSION_HEADER = "anthropic-version"
# The only API version that still accepts a temperature, and only for models whose card says so.
VERSION_WITH_TEMPERATURE = "2023-06-01"
# A call that allows more output tokens is streamed. At 40 tokens a second (the rate of the deadline) it could send nothing
# for more than 240 s, and some load balancers and proxies cut an idle connection then. The SDK's own limit is 21,333.
STREAM_ABOVE_TOKENS = 9_600
THINKING = ("thinking", "redacted_thinking")


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
    body: bytes,
    *,
    headers: Mapping[str, str],
    duration_ms: int,
    message: dict[str, Any] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> Reply:
    """The reply in an answer with status 200, whose body is JSON or the text of a stream.

    `message`: the message that was put together from the stream, if that was done already. `asked`: the body of the
    request, from which we count what a server does not report. The text of the reply is that of all text blocks, without
    thinking blocks; lone surrogates are kept. Raises Unusable (`unreadable`) when the body is no message of the Messages
    API, and what its error means when it is an error.
    """
    try:
        found = _message(body) if message is None else message
    except (ValueError, RecursionError) as exc:
        raise _find_fault(body, None, headers) from exc
    try:
        if meaning.holds_error(found):
            raise ValueError("an error instead of a message")
        blocks = _read_blocks(found)
    except (ValueError, KeyError, TypeError) as exc:
        raise _find_fault(body, found, headers) from exc
    text = _join(blocks, "text")
    stop_reason = _string(found.get("stop_reason"))
    return Reply(
        text=text,
        stop_reason=stop_reason,
        model=_string(found.get("model")) or _string((asked or {}).get("model")) or "",
        usage=complete_usage(
            found.get("usage"),
            prompt=bound_prompt(asked or {}),
            written=bound_tokens(text, _join(blocks, "thinking")),
        ),
        request_id=request_id(headers),
        simulated=SIMULATOR_HEADER in headers,
        body=body,
        refusal=_refusal(found.get("stop_details")) if stop_reason == "refusal" else None,
        duration_ms=duration_ms,
        limits=allowance.read(headers),
        message=json.dumps(found).encode() if streaming.looks_like_stream(body) else b"",
        only_thinking=not text.strip() and any(block.get("type") in THINKING for block in blocks),
    )


def _find_fault(body: bytes, found: Any, headers: Mapping[str, str]) -> ClaudeError:
    """What an answer with status 200 is that is no message: an error, a web page, or something else."""
    if meaning.holds_error(found):
        return meaning.from_answer(found, headers=headers, body=body)
    if found is None and meaning.is_page(body):
        return meaning.from_page(body, headers=headers)
    fault = Unusable(
        "The server answered 200, but not with a message of the Messages API. Check that ANTHROPIC_BASE_URL "
        "names a server that speaks it.",
        kind="unreadable",
        status=200,
        request_id=request_id(headers),
        body=body,
    )
    with suppress(KeyError, TypeError, ValueError):
        # The reply of another API: what it says of its tokens is what it bills.
        fault.usage, fault.output_known = usage_of(found["usage"]), True
    return fault


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


def _read_blocks(found: Any) -> list[dict[str, Any]]:
    """The blocks of a message. A content that is plain text, or holds plain texts, is read as text blocks.

    Raises KeyError, TypeError or ValueError for what is no message.
    """
    if not isinstance(found, dict):
        raise TypeError("not an object")
    content = found.get("content") if found.get("type") == "message" else found["content"]
    if content is None and not found.get("stop_reason"):
        raise TypeError("no content, and no reason for it")
    blocks = content if isinstance(content, list) else [content]
    return [_as_block(block) for block in blocks if block is not None]


def _as_block(block: Any) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        raise TypeError("a block is neither an object nor text")
    kind = block.get("type") or ("text" if "text" in block else None)
    if not isinstance(kind, str) or not isinstance(block.get("text"), str | None):
        raise TypeError("a block has no type, or a text that is none")
    return {**block, "type": kind}


def _join(blocks: list[dict[str, Any]], kind: str) -> str:
    texts = (block.get(kind) for block in blocks if block["type"] == kind)
    return "".join(text for text in texts if isinstance(text, str))


def _string(value: Any) -> str | None:
    return make_storable(value, limit=200) if isinstance(value, str) else None


def _refusal(details: Any) -> str:
    details = details if isinstance(details, dict) else {}
    named = (_string(details.get("category")), _string(details.get("explanation")))
    return ": ".join(part for part in named if part) or "no reason given"
