"""GET /v1/models: the models as the API lists them, derived from `claude.simulator.rules.model_rules`."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from claude.simulator.rules import model_rules
from claude.simulator.rules.rejection import Rejection, invalid

PAGE = 20
LARGEST_PAGE = 1000
# Known release days. An unknown one is the epoch, as in the API.
RELEASED = {
    "claude-fable-5-2": "2026-11-09",
    "claude-haiku-5-5": "2026-10-07",
    "claude-sonnet-5-5": "2026-09-28",
    "claude-fable-5-1": "2026-09-01",
    "claude-opus-5": "2026-07-24",
    "claude-sonnet-5": "2026-06-30",
    "claude-fable-5": "2026-06-09",
    "claude-opus-4-5-20251101": "2025-11-01",
    "claude-haiku-4-5-20251001": "2025-10-01",
    "claude-sonnet-4-5-20250929": "2025-09-29",
}
EPOCH = "1970-01-01"
# Retired models: they cannot be called, but are still in the list.
RETIRED = {
    "claude-mythos-preview": "2026-06-30",
    "claude-opus-4-20250514": "2026-06-15",
    "claude-sonnet-4-20250514": "2026-06-15",
}
NOTICE = timedelta(
    days=60
)  # the least there is between a deprecation and its retirement; the day is not on record


def page(query: Mapping[str, str], *, today: date) -> dict[str, Any]:
    """One page of the list, newest first; 400 for a parameter that the API does not take."""
    for name in query:
        if name not in ("limit", "after_id", "before_id"):
            raise invalid(f"{name}: Extra inputs are not permitted")
    every = _ids()
    limit = _limit(query.get("limit"))
    start, end = 0, len(every)
    if "after_id" in query:
        start = _place(every, query["after_id"], "after_id") + 1
        shown = every[start : start + limit]
    elif "before_id" in query:
        end = _place(every, query["before_id"], "before_id")
        shown = every[max(0, end - limit) : end]
    else:
        shown = every[:limit]
    has_more = (
        every.index(shown[0]) > 0
        if "before_id" in query and shown
        else bool(shown and shown[-1] != every[-1])
    )
    return {
        "data": [model(one, today=today) for one in shown],
        "has_more": has_more,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def model(wanted: str, *, today: date) -> dict[str, Any]:
    """One model by id or alias; an alias is answered with the dated model. 404 for an unknown one."""
    known = model_rules.MODELS.get(wanted)
    if known is None and wanted not in RETIRED:
        raise Rejection(404, f"model: {wanted}")
    id_ = (known.alias_of if known else None) or wanted
    retires = known.retires if known else date.fromisoformat(RETIRED[wanted])
    return {
        "type": "model",
        "id": id_,
        "display_name": _display_name(id_),
        "created_at": _time(date.fromisoformat(RELEASED.get(id_, EPOCH))),
        "lifecycle": _lifecycle(retires, today),
        "deprecated_at": _time(retires - NOTICE) if retires else None,
        "retires_at": _time(retires) if retires else None,
        "line": id_.split("-")[1],
        "max_input_tokens": known.context if known else None,
        "max_tokens": known.max_output if known else None,
        "capabilities": _capabilities(known) if known else None,
    }


def _ids() -> list[str]:
    """The ids in the order of the list. Aliases have no entry; models without a known release day keep the table's order."""
    listed = [id_ for id_, known in model_rules.MODELS.items() if not known.alias_of]
    return sorted([*listed, *RETIRED], key=lambda id_: RELEASED.get(id_, EPOCH), reverse=True)


def _limit(wanted: str | None) -> int:
    limit = PAGE if wanted is None else int(wanted) if wanted.isdecimal() else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid(f"limit: Input should be between 1 and {LARGEST_PAGE}")
    return limit


def _place(every: list[str], wanted: str, name: str) -> int:
    if wanted not in every:
        raise invalid(f"{name}: no model {wanted!r} in the list")
    return every.index(wanted)


def _lifecycle(retires: date | None, today: date) -> str:
    if retires is None:
        return "active"
    return "retired" if today >= retires else "deprecated"


def _display_name(id_: str) -> str:
    """claude-opus-4-5-20251101 is Claude Opus 4.5."""
    line, *version = re.sub(r"^claude-|-\d{8}$", "", id_).split("-")
    return f"Claude {line.capitalize()} {'.'.join(version).capitalize()}"


def _time(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _capabilities(known: model_rules.Facts) -> dict[str, Any]:
    """The capabilities, by the rules for requests. All of these models support documents, images and tools."""
    thinking = {
        "adaptive": _can(known.adaptive),
        "between_tools": _can(known.between_tools),
        "disabled": _can(known.disabled != "no"),
        "enabled": _can(known.budget),
    }
    levels = {level: _can(level in known.efforts) for level in model_rules.EFFORTS}
    always = ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs")
    return {
        **{name: _can(True) for name in always},
        "context_management": {
            "supported": True,
            "clear_thinking_20251015": _can(True),
            "clear_tool_uses_20250919": _can(True),
            "compact_20260112": _can(known.context > 200_000),
        },
        "effort": {"supported": bool(known.efforts), **levels},
        "server_tools": {"supported": True, "web_search": _can(True), "code_execution": _can(True)},
        "thinking": {"supported": True, "types": thinking},
    }


def _can(supported: bool) -> dict[str, bool]:
    return {"supported": supported}
