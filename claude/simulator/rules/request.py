"""A body of POST /v1/messages, read as strictly as the real API reads it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from claude.simulator.options import Options
from claude.simulator.rules import model_rules, prefix, schemas
from claude.simulator.rules.rejection import Rejection, invalid

VERSIONS = ("2023-06-01", "2026-10-21")
FIELDS = {
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
# The fields that count_tokens accepts: those of the prompt, and none about the reply.
COUNTED = {
    *("cache_control", "messages", "model", "output_config", "speed"),
    *("system", "thinking", "tool_choice", "tools"),
}
BLOCKS = {
    "user": {"text", "image", "document", "tool_result", "search_result", "container_upload"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use", "document", "server_tool_use"},
    "system": {"text"},
}
TEXT_FIELDS = {"type", "text", "cache_control", "citations"}
MAX_MESSAGES = 100_000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One accepted request."""

    body: Mapping[str, Any]
    facts: model_rules.Facts
    prompt: str
    system: str
    schema: Mapping[str, Any] | None
    blocks: Sequence[prefix.Block]
    digest: bytes

    @property
    def model(self) -> str:
        """The model's name in the reply; for an alias that of the dated model."""
        return self.facts.alias_of or str(self.body["model"])

    @property
    def input_tokens(self) -> int:
        """The whole prompt, cached or not."""
        return self.blocks[-1].through

    @property
    def max_tokens(self) -> int:
        return int(self.body["max_tokens"])

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises a 400 when it is none, or when it has text that is not Unicode."""
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False).encode()
    except ValueError as exc:
        raise invalid(f"The request body is not valid JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object")
    return body


def check_version(version: str | None) -> str:
    if not version:
        raise invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        raise invalid(f"anthropic-version: {version!r} is not a valid version")
    return version


def accept(body: Mapping[str, Any], *, version: str, options: Options) -> Asked:
    """Check everything that the real API checks. Raises the Rejection with which it would answer."""
    _check_fields(body, known=FIELDS, required=("model", "max_tokens", "messages"))
    facts = model_rules.facts(body["model"], today=options.today(), any_model=options.any_model)
    _check_max_tokens(body["max_tokens"], facts)
    return _read_request(body, facts, version=version, schema=options.schema)


def count(body: Mapping[str, Any], *, version: str, options: Options) -> int:
    """The input tokens of a body of count_tokens, which is checked as strictly."""
    _check_fields(body, known=COUNTED, required=("model", "messages"))
    facts = model_rules.facts(body["model"], today=options.today(), any_model=options.any_model)
    return _read_request(body, facts, version=version, schema=options.schema).input_tokens


def _read_request(body: Mapping[str, Any], facts: model_rules.Facts, *, version: str, schema: str) -> Asked:
    _check_messages(body["messages"], facts, version=version)
    _check_options(body)
    _check_output_config(body)
    wanted = prefix.schema_of(body)
    if wanted is not None and schema == "refused":
        raise invalid("output_config.format: Extra inputs are not permitted")
    model_rules.check(body, facts, version=version)
    asked = Asked(
        body=body,
        facts=facts,
        prompt=prompt_of(body),
        system=prefix.text_of(body.get("system") or ""),
        schema=None if schema == "ignored" else wanted,
        blocks=prefix.read(body, facts),
        digest=_digest(body),
    )
    _check_context(asked)
    return asked


def _digest(body: Mapping[str, Any]) -> bytes:
    """A hash of the body that ignores `stream`, because a streamed reply has the same text."""
    lasting = {name: value for name, value in body.items() if name != "stream"}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).digest()


def prompt_of(body: Mapping[str, Any]) -> str:
    """The text of the last user message, byte for byte; empty when the body has none."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return prefix.text_of(message.get("content"))
    return ""


def _check_fields(body: Mapping[str, Any], *, known: set[str], required: tuple[str, ...]) -> None:
    for name in required:
        if name not in body:
            raise invalid(f"{name}: Field required")
    for name in body:
        if name not in known:
            raise invalid(f"{name}: Extra inputs are not permitted")
    if not isinstance(body["model"], str) or not body["model"]:
        raise invalid("model: Input should be a valid string")


def _check_max_tokens(wanted: Any, known: model_rules.Facts) -> None:
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise invalid("max_tokens: Input should be a valid integer")
    if wanted < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if wanted > known.max_output:
        raise invalid(
            f"max_tokens: {wanted} > {known.max_output}, which is the maximum allowed number of output tokens"
        )


def _check_messages(messages: Any, known: model_rules.Facts, *, version: str) -> None:
    if not isinstance(messages, list):
        raise invalid("messages: Input should be a valid list")
    if not messages:
        raise invalid("messages: at least one message is required")
    if len(messages) > MAX_MESSAGES:
        raise invalid(f"messages: List should have at most {MAX_MESSAGES} items")
    for index, message in enumerate(messages):
        _check_message(message, f"messages.{index}", known, version=version)
    if messages[0]["role"] != "user":
        raise invalid("messages: first message must use the user role")


def _check_message(message: Any, where: str, known: model_rules.Facts, *, version: str) -> None:
    if not isinstance(message, dict):
        raise invalid(f"{where}: Input should be a valid dictionary")
    for name in message:
        if name not in ("role", "content"):
            raise invalid(f"{where}.{name}: Extra inputs are not permitted")
    role = message.get("role")
    if role not in BLOCKS:
        raise invalid(f"{where}.role: Input should be 'user' or 'assistant'")
    if role == "system" and not known.system_turns:
        raise invalid(f"{where}.role: role 'system' is not supported on this model")
    _check_content(message.get("content"), f"{where}.content", role, version=version)


def _check_content(content: Any, where: str, role: str, *, version: str) -> None:
    if isinstance(content, str):
        _check_text(content, where)
        return
    if not isinstance(content, list):
        raise invalid(f"{where}: Input should be a valid string or list")
    if not content:
        raise invalid(f"{where}: {role} messages must have non-empty content")
    for index, block in enumerate(content):
        _check_block(block, f"{where}.{index}", role, version=version)


def _check_text(text: Any, where: str) -> None:
    if not isinstance(text, str):
        raise invalid(f"{where}: Input should be a valid string")
    if not text:
        raise invalid(f"{where}: text content blocks must be non-empty")
    if not text.strip():
        raise invalid(f"{where}: text content blocks must contain non-whitespace text")


def _check_block(block: Any, where: str, role: str, *, version: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCKS[role]:
        raise invalid(f"{where}.type: Input tag {kind!r} is not allowed in a {role} message")
    if kind == "document" and role == "assistant" and version != "2023-06-01":
        raise invalid(f"{where}: document blocks are not allowed in assistant messages")
    if kind == "text":
        _check_text_block(block, where, role, version=version)


def _check_text_block(block: Mapping[str, Any], where: str, role: str, *, version: str) -> None:
    for name in block:
        if name not in TEXT_FIELDS:
            raise invalid(f"{where}.text.{name}: Extra inputs are not permitted")
    _check_text(block.get("text"), f"{where}.text")
    if block.get("citations") and role == "user" and version != "2023-06-01":
        raise invalid(f"{where}.text.citations: citations are not allowed in user messages")


def _check_options(body: Mapping[str, Any]) -> None:
    if not isinstance(body.get("stream") or False, bool):
        raise invalid("stream: Input should be a valid boolean")
    if not isinstance(body.get("tools") or [], list):
        raise invalid("tools: Input should be a valid list")
    system = body.get("system", "")
    if isinstance(system, list):
        for index, block in enumerate(system):
            _check_block(block, f"system.{index}", "system", version="")
    elif not isinstance(system, str):
        raise invalid("system: Input should be a valid string or list")
    _check_stop_sequences(body.get("stop_sequences"))
    for name, allowed in _choices():
        if body.get(name) not in (None, *allowed):
            raise invalid(f"{name}: Input should be one of {', '.join(allowed)}")
    metadata = body.get("metadata") or {}
    for name in metadata if isinstance(metadata, dict) else ["metadata"]:
        if name != "user_id":
            raise invalid(f"metadata.{name}: Extra inputs are not permitted")


def _choices() -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "service_tier", ("auto", "standard_only")
    yield "speed", ("standard",)  # fast mode has its own prices and limits: not simulated
    yield "inference_geo", ("global", "us")


def _check_stop_sequences(sequences: Any) -> None:
    if sequences is None:
        return
    if not isinstance(sequences, list) or not all(isinstance(one, str) for one in sequences):
        raise invalid("stop_sequences: Input should be a valid list of strings")
    if any(not one.strip() for one in sequences):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _check_output_config(body: Mapping[str, Any]) -> None:
    config = body.get("output_config")
    if config is None:
        return
    if not isinstance(config, dict):
        raise invalid("output_config: Input should be a valid dictionary")
    for name in config:
        if name not in ("effort", "format"):
            raise invalid(f"output_config.{name}: Extra inputs are not permitted")
    if config.get("format") is not None:
        _check_format(config["format"])


def _check_format(wanted: Any) -> None:
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        raise invalid("output_config.format.type: Input should be 'json_schema'")
    for name in wanted:
        if name not in ("type", "schema"):
            raise invalid(f"output_config.format.{name}: Extra inputs are not permitted")
    if "schema" not in wanted:
        raise invalid("output_config.format.schema: Field required")
    _check_schema(json.dumps(wanted["schema"]))


@lru_cache(maxsize=64)
def _check_schema(schema: str) -> None:
    schemas.check(json.loads(schema))


def _check_context(asked: Asked) -> None:
    if asked.input_tokens > asked.facts.context:
        raise invalid(f"prompt is too long: {asked.input_tokens} tokens > {asked.facts.context} maximum")


def authenticate(headers: Mapping[str, str]) -> str:
    """The API key, which also identifies the workspace. Raises a 401 when neither of the two headers has one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = (token if scheme.lower() == "bearer" else "").strip() or headers.get("x-api-key", "").strip()
    if not key:
        raise Rejection(401, "x-api-key or Authorization: Bearer header is required")
    return key
