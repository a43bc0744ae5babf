"""Fills the placeholders of a template text and leaves out its false sections. Pure Python, one pass, never recursive.

Templates and values come from users, so they are never given to str.format or to Django's or Jinja's engine. A value
that contains `{{x}}`, `<b>` or `%s` reaches the prompt byte for byte.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from templates_app.text.syntax import NEWEST, Part, Placeholder, Section, TemplateSyntax, Text, scan
from templates_app.text.variables import (
    MAX_VALUE,
    Problem,
    ValuesError,
    Variable,
    VariableError,
    VariableType,
    find_option,
    find_value_problems,
    is_blank,
    split_entries,
)

__all__ = [
    "MAX_RENDERED",
    "MAX_VALUE",
    "Placeholder",
    "Problem",
    "TemplateSyntax",
    "Value",
    "ValuesError",
    "Variable",
    "VariableError",
    "VariableType",
    "add_turn_range",
    "find_placeholders",
    "find_undeclared",
    "is_shown",
    "is_true",
    "parse",
    "render",
    "resolve",
]

Value: TypeAlias = str | list[str]

# A template of 1 MB can name a long value 200,000 times; without a limit the prompt would have 20 GB.
MAX_RENDERED = 4_000_000
# A plan renders the same few texts 10,000 times, so short ones are cached.
LONGEST_REMEMBERED = 50_000

LINE_END = "\n"

_ZERO = re.compile(r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[eE][+-]?\d+)?", re.ASCII)


def parse(text: str, *, syntax: int = NEWEST) -> tuple[Part, ...]:
    """All parts in order. Raises TemplateSyntax at the first mistake."""
    if len(text) <= LONGEST_REMEMBERED:
        return _parse_cached(text, syntax)
    return tuple(scan(text, syntax=syntax))


@lru_cache(maxsize=64)
def _parse_cached(text: str, syntax: int) -> tuple[Part, ...]:
    return tuple(scan(text, syntax=syntax))


def find_placeholders(text: str, *, syntax: int = NEWEST) -> tuple[Placeholder, ...]:
    """All placeholders in order, those of sections too. Raises TemplateSyntax at the first mistake."""
    return tuple(part for part in parse(text, syntax=syntax) if isinstance(part, Placeholder))


def find_undeclared(text: str, variables: Iterable[Variable], *, syntax: int = NEWEST) -> tuple[str, ...]:
    """The names that the text uses without a variable of that name, each once, in order of first use."""
    declared = {variable.name for variable in variables}
    used = dict.fromkeys(part.name for part in scan(text, syntax=syntax) if not isinstance(part, Text))
    return tuple(name for name in used if name not in declared)


def resolve(variables: Sequence[Variable], values: Mapping[str, object]) -> dict[str, Value]:
    """The value of each variable: the given value, else the default, else an empty text or list.

    Texts and numbers keep their characters exactly. A list is given as a list of strings, or as text with one entry a
    line or separated by `|` (in a CSV cell or a text area). Raises ValuesError with every problem at once.
    """
    problems = _find_unknown_names(variables, values)
    resolved: dict[str, Value] = {}
    for variable in variables:
        given = values.get(variable.name)
        value = variable.default if is_blank(given) else given
        if is_blank(value):
            resolved[variable.name] = [] if variable.type == "list" else ""
            problems += [_make_missing_problem(variable)] if variable.required else []
            continue
        found = find_value_problems(variable, value)
        problems += [Problem(variable.name, _add_help(variable, message)) for message in found]
        if not found:
            resolved[variable.name] = _as_value(variable, value)
    if problems:
        raise ValuesError(problems)
    return resolved


def render(text: str, resolved: Mapping[str, object], *, syntax: int = NEWEST) -> str:
    """The text with its placeholders filled and its false sections left out. A list is joined with `, `.

    Raises TemplateSyntax; ValuesError if a plain placeholder is not in `resolved`, in whatever section it stands, and if
    the result has over MAX_RENDERED characters.
    """
    parts = parse(text, syntax=syntax)
    missing = [
        each.name
        for each in parts
        if isinstance(each, Placeholder) and not each.conditional and each.name not in resolved
    ]
    if missing:
        message = "the template uses this name, but has no variable of that name; declare it or remove it"
        raise ValuesError(Problem(name, message) for name in dict.fromkeys(missing))
    return "".join(_limit_length(_iter_pieces(parts, resolved)))


def add_turn_range(prompt: str, lowest: int | None, highest: int | None) -> str:
    """The prompt with a last line that asks for a number of turns.

    Without a range, and where it says “8 to 14 turns” itself, the prompt stays as it is.
    """
    if (lowest is None and highest is None) or _has_range(prompt, lowest, highest):
        return prompt
    if lowest is None or highest is None:
        words = f"at most {highest}" if lowest is None else f"at least {lowest}"
    else:
        words = str(lowest) if lowest == highest else f"{lowest} to {highest}"
    return f"{prompt.rstrip(LINE_END)}\n\nNumber of turns: {words}.\n"


def _has_range(prompt: str, lowest: object, highest: object) -> bool:
    """The preview of an editor gives what was typed, which may be no number."""
    return re.search(rf"(?<!\d){re.escape(f'{lowest} to {highest}')} turns\b", prompt) is not None


def is_true(value: object) -> bool:
    """Whether a value chooses the first branch. Nothing, blank text, 0, false and an empty list choose the second.

    Values from CSV files and forms are always texts, so the texts `0`, `0.00` and `false` choose the second too.
    """
    if not isinstance(value, str):
        return bool(value)
    word = value.strip()
    return bool(word) and word.lower() != "false" and _ZERO.fullmatch(word) is None


def is_shown(part: Part, values: Mapping[str, object]) -> bool:
    """Whether the section that the part stands in is kept. Outside of sections every part is shown."""
    if isinstance(part, Section) or part.section is None:
        return True
    return is_true(values.get(part.section.name)) != part.section.inverted


def _iter_pieces(parts: Iterable[Part], resolved: Mapping[str, object]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Section) or not is_shown(part, resolved):
            continue
        yield part.text if isinstance(part, Text) else _fill(part, resolved)


def _fill(placeholder: Placeholder, resolved: Mapping[str, object]) -> str:
    value = resolved.get(placeholder.name)
    if placeholder.conditional:
        return placeholder.if_true if is_true(value) else placeholder.if_false
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value)
    return "" if value is None else str(value)


def _limit_length(pieces: Iterator[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_RENDERED:
            message = f"the filled template is longer than {MAX_RENDERED:,} characters; shorten the values"
            raise ValuesError([Problem("(template)", message)])
        yield piece


def _find_unknown_names(variables: Sequence[Variable], values: Mapping[str, object]) -> list[Problem]:
    known = [variable.name for variable in variables]
    message = f"is not a variable of this template ({', '.join(known) or 'it has none'}); remove it or correct its name"
    return [Problem(str(name), message) for name in values if name not in set(known)]


def _make_missing_problem(variable: Variable) -> Problem:
    return Problem(variable.name, _add_help(variable, "is required; fill it in"))


def _add_help(variable: Variable, message: str) -> str:
    return f"{message} ({variable.help})" if variable.help else message


def _as_value(variable: Variable, value: object) -> Value:
    if variable.type == "list":
        return [find_option(variable, entry) for entry in split_entries(value)]
    return find_option(variable, str(value))
