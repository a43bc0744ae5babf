"""Read what an error says: its type, its code and its words, in the forms in which known servers write them. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# More of an error's text is not looked at, nor shown.
LONGEST_TEXT = 2_000
LONGEST_PAGE = 20_000
# Names under which an error's words stand: of the Messages API and OpenAI, AWS, FastAPI, OAuth, and several gateways.
WORDS = (
    "message",
    "Message",
    "msg",
    "detail",
    "error_message",
    "error_description",
    "description",
    "status_msg",
)
# Fields that only the filter of a gateway adds: the text that it flagged, and for which reasons.
FILTER_FIELDS = ("flagged_input", "content_filter_result", "moderation", "contentFilterResults")
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_PAGE = re.compile(
    rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_NAME = re.compile(r"[A-Za-z][A-Za-z_.\- ]{0,59}")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an error says. `type` and `code` are names or empty, `number` is its code where that is a status of HTTP.

    `text`: its words, those of the server behind a gateway included. `is_flagged`: a filter names this input.
    """

    type: str = ""
    code: str = ""
    number: int | None = None
    text: str = ""
    is_flagged: bool = False
    is_page: bool = False

    @property
    def name(self) -> str:
        """The name of this kind of error, without words and ids. Empty when it has none."""
        return self.type or self.code


def read_body(body: bytes) -> Said:
    """What the body of an answer says: JSON in one of the known forms, a web page, or plain text."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        if is_page(body):
            return Said(text=_read_page(body), is_page=True)
        return Said(text=_flatten(body[:200].decode("utf-8", "replace")))
    found = find_error(parsed)
    if not found:
        return Said(text=_flatten(body[:200].decode("utf-8", "replace")))
    return read_error(found)


def read_error(error: Mapping[str, Any]) -> Said:
    """What an error object says."""
    code = _find_code(error)
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    behind = metadata.get("raw")  # OpenRouter: what the server behind it said
    text = _find_words(error)
    if isinstance(behind, str | dict) and behind:
        text = f"{text} ({behind if isinstance(behind, str) else json.dumps(behind)})"
    return Said(
        type=_find_type(error),
        code=code if _NAME.fullmatch(code) else "",
        number=int(code) if re.fullmatch("[45][0-9][0-9]", code) else None,
        text=_flatten(text)[:LONGEST_TEXT],
        is_flagged=bool(metadata.get("reasons"))
        or any(error.get(n) or metadata.get(n) for n in FILTER_FIELDS),
    )


def find_error(parsed: Any) -> dict[str, Any]:
    """The error object in the JSON of an answer. Empty when there is none."""
    if isinstance(parsed, list):
        return find_error(parsed[0]) if parsed else {}
    if not isinstance(parsed, dict):
        return {}
    for name in ("error", "errors", "detail", "base_resp"):
        found = _as_object(parsed.get(name))
        if found:
            inner = found.get("error")  # a gateway around a gateway
            return inner if isinstance(inner, dict) and inner and not _find_words(found) else found
    return parsed if _find_words(parsed) else {}


def holds_error(parsed: Any) -> bool:
    """Whether the JSON of an answer with status 200 is an error instead of a message."""
    if isinstance(parsed, list):
        return bool(parsed) and holds_error(parsed[0])
    if not isinstance(parsed, dict) or "choices" in parsed:
        return False
    told = parsed.get("type") == "error" or bool(parsed.get("error") or parsed.get("errors"))
    return bool(find_error(parsed)) and (told or parsed.get("content") is None)


def is_page(body: bytes) -> bool:
    """Whether the body is a web page: what a proxy, a sign-in page or another web server answers with."""
    return _PAGE.match(body[:LONGEST_PAGE]) is not None


def _as_object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"message": value} if value.strip() else {}
    if isinstance(value, list):
        return _join(value)
    return value if isinstance(value, dict) else {}


def _join(entries: list[Any]) -> dict[str, Any]:
    """Several errors in one: the first one's type, and what all of them say (FastAPI: where, and what is wrong there)."""
    objects = [each if isinstance(each, dict) else {"message": str(each)} for each in entries[:10]]
    if not objects:
        return {}
    return {**objects[0], "message": "; ".join(filter(None, map(_say_where, objects)))}


def _say_where(error: Mapping[str, Any]) -> str:
    place = error.get("loc")
    where = ".".join(str(step) for step in place if step != "body") if isinstance(place, list) else ""
    return f"{where}: {_find_words(error)}" if where else _find_words(error)


def _find_words(error: Mapping[str, Any]) -> str:
    for name in WORDS:
        value = error.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, dict) and value:
            return json.dumps(value)
    return ""


def _find_type(error: Mapping[str, Any]) -> str:
    names = (error.get(name) for name in ("type", "status", "__type", "error_type"))
    return next(
        (name for name in names if isinstance(name, str) and name != "error" and _NAME.fullmatch(name)), ""
    )


def _find_code(error: Mapping[str, Any]) -> str:
    details = error.get("details")
    named = details.get("error_code") if isinstance(details, dict) else None
    for value in (named, error.get("code"), error.get("status_code")):
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    return ""


def _read_page(body: bytes) -> str:
    title = _TITLE.search(body[:LONGEST_PAGE])
    text = (title[1] if title else body[:LONGEST_PAGE]).decode("utf-8", "replace")
    return _flatten(_TAG.sub(" ", text))[:200]


def _flatten(text: str) -> str:
    return " ".join(text.split())
