"""The checks of a scenario, an edge case or an option before it is stored, for forms, API, files and admin. Pure."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from templates_app.states import EntryKind
from templates_app.text.names import MAX_NAME, NAME
from templates_app.text.variables import MAX_VALUE, Problem, ProblemsError, find_forbidden_character

# Texts and the most characters of each, in the order of forms and files.
SITUATION_TEXTS = {
    "name": 200,
    "persona": 200,
    "emotion": 200,
    "topic": 500,
    "intent": 200,
    "tone": 200,
    "context": MAX_VALUE,
    "expected_behaviour": MAX_VALUE,
}
OPTION_TEXTS = {"name": 500, "description": 10_000}
KINDS = ("persona", "emotion", "intent", "tone", "topic")
IN_ONE_LINE = ("name",)
LONGEST_TAG, MOST_TAGS = 100, 30
MOST_PARAMETERS = 50
HEAVIEST = Decimal(99_999)
WEIGHT_STEP = Decimal("0.001")
BETWEEN_TAGS = ";|"
LONGEST_SHOWN = 60
_TAGS = re.compile(f"[{BETWEEN_TAGS}]")
_WEIGHT = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_COMMA = re.compile(r"\d{1,9},\d{1,9}", re.ASCII)


class WrongEntry(ProblemsError):
    """An entry that cannot be stored. Each problem names its field (`topic`, `tags`, `parameters.age`, ...)."""


def clean_fields(kind: EntryKind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are stored: no blank texts, no space around names, no repeated tags, no blank parameters.

    Everything else stays as it was given, character for character.
    """
    fields = dict(given)
    for name in get_text_limits(kind):
        if name in fields:
            fields[name] = _clean_text(fields[name], strip=name in IN_ONE_LINE)
    if "tags" in fields:
        fields["tags"] = list(dict.fromkeys(tag.strip() for tag in fields["tags"] if tag.strip()))
    if "parameters" in fields:
        fields["parameters"] = {name: text for name, text in fields["parameters"].items() if text.strip()}
    return fields


def _clean_text(value: str, *, strip: bool) -> str:
    if strip:
        return value.strip()
    return value if value.strip() else ""


def get_text_limits(kind: EntryKind) -> Mapping[str, int]:
    return OPTION_TEXTS if kind == EntryKind.OPTION else SITUATION_TEXTS


def find_problems(kind: EntryKind, fields: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that is wrong with the fields that are given. They must come from `clean_fields`."""
    for name, longest in get_text_limits(kind).items():
        if name in fields:
            yield from _find_text_problems(name, fields[name], longest)
    for name in ("name", "topic") if kind != EntryKind.OPTION else ("name",):
        if fields.get(name) == "":
            yield Problem(name, f"is empty; {_say_what_is_needed(kind, name)}")
    if "tags" in fields:
        yield from _find_tag_problems(fields["tags"])
    if "parameters" in fields:
        yield from _find_parameter_problems(fields["parameters"])
    if "kind" in fields and fields["kind"] not in KINDS:
        yield Problem("kind", f"must be one of {', '.join(KINDS)}")
    if "weight" in fields:
        yield from _find_weight_problems(fields["weight"])


def _say_what_is_needed(kind: EntryKind, name: str) -> str:
    if kind == EntryKind.OPTION:
        return "write the word itself"
    return "give it a name of its own" if name == "name" else "say what the conversation is about"


def _find_text_problems(name: str, text: str, longest: int) -> Iterator[Problem]:
    if message := find_forbidden_character(text):
        yield Problem(name, message)
    if len(text) > longest:
        yield Problem(name, f"has {len(text):,} characters; at most {longest:,} are allowed, so shorten it")
    if name in IN_ONE_LINE and len(text.splitlines()) > 1:
        yield Problem(name, "contains a line break; write it in one line")


def _find_tag_problems(tags: list[str]) -> Iterator[Problem]:
    if len(tags) > MOST_TAGS:
        yield Problem("tags", f"there are {len(tags):,}; at most {MOST_TAGS} are allowed")
        return
    for tag in tags:
        if len(tag) > LONGEST_TAG:
            yield Problem("tags", f"{quote_short(tag)} is longer than {LONGEST_TAG} characters; shorten it")
        elif any(mark in tag for mark in BETWEEN_TAGS):
            yield Problem(
                "tags", f"{quote_short(tag)} holds ; or |, which stand between tags; leave them out"
            )
        elif find_forbidden_character(tag) or len(tag.splitlines()) > 1 or "\t" in tag:
            yield Problem(
                "tags", f"{quote_short(tag)} contains a control character or a line break; remove it"
            )


def _find_parameter_problems(parameters: Mapping[str, str]) -> Iterator[Problem]:
    if len(parameters) > MOST_PARAMETERS:
        yield Problem("parameters", f"there are {len(parameters):,}; at most {MOST_PARAMETERS} are allowed")
        return
    for name, text in parameters.items():
        place = f"parameters.{name}" if NAME.fullmatch(name) else "parameters"
        if place == "parameters":
            yield Problem(
                place,
                f"{quote_short(name)} cannot be a variable: a name has letters, digits and _, at most {MAX_NAME}",
            )
        elif name in SITUATION_TEXTS and name != "name":
            yield Problem(place, f"is a field of its own: write it into {name}")
        yield from _find_text_problems(place, text, MAX_VALUE)


def parse_weight(text: str) -> Decimal:
    """The weight in a text; an empty text is 1. Raises ValueError with what is wrong and what to write."""
    word = text.strip()
    if not word:
        return Decimal(1)
    if _WEIGHT.fullmatch(word):
        return Decimal(word)
    if _COMMA.fullmatch(word):
        raise ValueError(f"{quote_short(word)} has a decimal comma; write {word.replace(',', '.')}")
    raise ValueError(f"{quote_short(word)} is not a number; write one such as 1 or 2.5")


def split_tags(text: str) -> list[str]:
    """The tags of a text in which `;` or `|` stand between them."""
    return _TAGS.split(text)


def _find_weight_problems(weight: Decimal) -> Iterator[Problem]:
    if not weight.is_finite() or weight < 0:
        yield Problem("weight", "must be 0 or more")
    elif weight > HEAVIEST:
        yield Problem("weight", f"must be at most {HEAVIEST:,}")
    elif weight != weight.quantize(WEIGHT_STEP):
        yield Problem("weight", "has more than three decimal places; round it")


def quote_short(text: str) -> str:
    """The text in quotes for a message, shortened if it is long. `repr` escapes what cannot be printed."""
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")
