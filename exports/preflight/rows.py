"""The rules that look at one conversation alone."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from claude.counts import bound_bytes, count_bytes
from conversations.quality.detectors.tokens import search_control_token
from exports.formats import Example
from exports.formats.records import SPEAKERS
from exports.formats.repairs import is_damaged
from exports.preflight.report import Limits

# Looked for one by one: that takes a tenth of the time of a search by a pattern.
_ODD = "".join(map(chr, (*range(1, 9), 11, 12, *range(14, 32), 127, 0xFEFF, *range(0xFFFD, 0x10000))))
_ROLES = {*SPEAKERS, "system"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")


def check_row(example: Example, limits: Limits) -> Iterator[str]:
    """The names of the rules that this conversation breaks."""
    return (name for name, is_broken in _CHECKS.items() if is_broken(example, limits))


def count_tokens(example: Example, limits: Limits) -> int:
    """An upper bound of the conversation's tokens, its system prompt included where that is written."""
    return bound_bytes(count_bytes(*_list_texts(example, limits)))


def _has_system(example: Example, limits: Limits) -> bool:
    return "system" in [turn.role for turn in example.turns]


def _has_unknown_role(example: Example, limits: Limits) -> bool:
    return not {turn.role for turn in example.turns} <= _ROLES


def _breaks_alternation(example: Example, limits: Limits) -> bool:
    """Turns of a system message are another rule's."""
    roles = [turn.role for turn in example.turns if turn.role != "system"]
    return not roles or roles != list(SPEAKERS) * (len(roles) // 2)


def _has_blank(example: Example, limits: Limits) -> bool:
    return not all(isinstance(turn.content, str) and turn.content.strip() for turn in example.turns)


def _loses_flags(example: Example, limits: Limits) -> bool:
    """Formats with a row for each answer have no row for one that is not to be trained."""
    if not limits.chosen.trains or limits.options.train_flags or limits.format in ("per_turn", "alpaca"):
        return False
    return not all(turn.train or turn.role != "assistant" for turn in example.turns)


def _is_repaired(example: Example, limits: Limits) -> bool:
    return is_damaged("\n".join(_list_texts(example, limits)))


def _has_odd_characters(example: Example, limits: Limits) -> bool:
    text = "\n".join(_list_texts(example, limits))
    return any(map(text.__contains__, _ODD))


def _has_control_token(example: Example, limits: Limits) -> bool:
    """Each turn by itself: whether `</s>` is a token depends on the text around it."""
    return any(search_control_token(text) for text in _list_texts(example, limits))


def _has_no_number(example: Example, limits: Limits) -> bool:
    if not limits.writes_metadata:
        return False
    return any(isinstance(each, float) and not math.isfinite(each) for each in _walk_values(example.metadata))


def _has_date(example: Example, limits: Limits) -> bool:
    if not limits.options.metadata:
        return False
    return any(isinstance(each, str) and _DATE.fullmatch(each) for each in _walk_values(example.metadata))


def _is_too_long(example: Example, limits: Limits) -> bool:
    return count_tokens(example, limits) > limits.max_tokens


def _learns_nothing(example: Example, limits: Limits) -> bool:
    first = next((at for at, turn in enumerate(example.turns) if turn.role == "assistant"), None)
    if first is None:
        return False
    before = Example(example.id, example.turns[:first], system=example.system)
    return count_tokens(before, limits) >= limits.max_tokens


def _has_no_label(example: Example, limits: Limits) -> bool:
    return limits.chosen.takes == "decisions" and example.label is None


def _list_texts(example: Example, limits: Limits) -> list[str]:
    texts = [turn.content for turn in example.turns]
    return [example.system, *texts] if limits.options.system else texts


def _walk_values(value: Any) -> Iterator[Any]:
    """The plain values in a JSON value."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _walk_values(each)
    else:
        yield value


_CHECKS: dict[str, Callable[[Example, Limits], bool]] = {
    "system_message": _has_system,
    "unknown_role": _has_unknown_role,
    "alternation": _breaks_alternation,
    "blank_text": _has_blank,
    "ignored_flags": _loses_flags,
    "repaired_characters": _is_repaired,
    "odd_characters": _has_odd_characters,
    "control_tokens": _has_control_token,
    "not_finite": _has_no_number,
    "dates_in_metadata": _has_date,
    "too_long": _is_too_long,
    "nothing_learned": _learns_nothing,
    "no_label": _has_no_label,
    "unapproved": lambda example, limits: (
        limits.chosen.takes == "examples" and example.metadata.get("status", "approved") != "approved"
    ),
    "simulated": lambda example, limits: bool(example.metadata.get("simulated")),
    "superseded": lambda example, limits: bool(example.metadata.get("superseded")),
}
