"""Fills `{{name}}` and `{{name ? 'yes' : 'no'}}` in a template text. Pure Python, one pass, never recursive.

Templates and values come from users, so neither ever meets str.format, Django's or Jinja's engine: a value that
contains `{{x}}`, `<b>` or `%s` reaches the prompt byte for byte as it was given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from templates_app.text.syntax import Placeholder, TemplateSyntax, scan
from templates_app.text.variables import (
    MAX_VALUE,
    Problem,
    ValuesError,
    Variable,
    VariableError,
    VariableType,
    entries,
    is_blank,
    value_problems,
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
    "is_true",
    "placeholders",
    "render",
    "resolve",
    "undeclared",
    "with_turns",
]

Value: TypeAlias = str | list[str]

# A 1 MB template may name a long value 200,000 times; without a ceiling that is 20 GB of prompt.
MAX_RENDERED = 4_000_000
# A plan renders few texts 10,000 times; of longer ones nothing is kept in memory.
LONGEST_REMEMBERED = 50_000

LINE_END = "\n"

_ZERO = re.compile(r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[eE][+-]?\d+)?", re.ASCII)


def placeholders(text: str) -> tuple[Placeholder, ...]:
    """All placeholders in order. Raises TemplateSyntax at the first `{{` that begins none."""
    return _remembered(text) if len(text) <= LONGEST_REMEMBERED else tuple(scan(text))


@lru_cache(maxsize=64)
def _remembered(text: str) -> tuple[Placeholder, ...]:
    return tuple(scan(text))


def undeclared(text: str, variables: Iterable[Variable]) -> tuple[str, ...]:
    """Names that the text uses and no variable declares, each once, in order of first use."""
    declared = {variable.name for variable in variables}
    used = dict.fromkeys(placeholder.name for placeholder in scan(text))
    return tuple(name for name in used if name not in declared)


def resolve(variables: Sequence[Variable], values: Mapping[str, object]) -> dict[str, Value]:
    """What fills each variable: the value as given, else the default, else empty text (or list).

    Text and numbers keep their characters exactly. A list comes as a list of strings, or as text with one entry per
    line or between `|` (a CSV cell, a text area). Raises ValuesError with every problem at once.
    """
    problems = _unknown_names(variables, values)
    resolved: dict[str, Value] = {}
    for variable in variables:
        given = values.get(variable.name)
        value = variable.default if is_blank(given) else given
        if is_blank(value):
            resolved[variable.name] = [] if variable.type == "list" else ""
            problems += [_missing(variable)] if variable.required else []
            continue
        found = value_problems(variable, value)
        problems += [Problem(variable.name, _with_help(variable, message)) for message in found]
        if not found:
            resolved[variable.name] = _as_value(variable, value)
    if problems:
        raise ValuesError(problems)
    return resolved


def render(text: str, resolved: Mapping[str, object]) -> str:
    """The text with its placeholders filled. A list is joined with `, `.

    A plain placeholder whose name is not in `resolved`, or a result beyond MAX_RENDERED characters, raises ValuesError.
    """
    found = placeholders(text)
    missing = [p.name for p in found if not p.conditional and p.name not in resolved]
    if missing:
        message = (
            "the template uses this name, but it is no variable of the template; declare it or remove it"
        )
        raise ValuesError(Problem(name, message) for name in dict.fromkeys(missing))
    return "".join(_bounded(_pieces(text, found, resolved)))


def with_turns(prompt: str, lowest: int | None, highest: int | None) -> str:
    """The prompt and, below it, the line that asks for so many turns; without a range the prompt as it is."""
    if lowest is None and highest is None:
        return prompt
    if lowest is None or highest is None:
        words = f"at most {highest}" if lowest is None else f"at least {lowest}"
    else:
        words = str(lowest) if lowest == highest else f"{lowest} to {highest}"
    return f"{prompt.rstrip(LINE_END)}\n\nNumber of turns: {words}.\n"


def is_true(value: object) -> bool:
    """Which branch a value chooses: nothing, blank text, 0, false and an empty list choose the second.

    A value from a CSV or a form is always text, so the texts `0`, `0.00` and `false` count as what they say.
    """
    if not isinstance(value, str):
        return bool(value)
    word = value.strip()
    return bool(word) and word.lower() != "false" and _ZERO.fullmatch(word) is None


def _pieces(text: str, found: Iterable[Placeholder], resolved: Mapping[str, object]) -> Iterator[str]:
    position = 0
    for placeholder in found:
        yield text[position : placeholder.start]
        yield _filled(placeholder, resolved)
        position = placeholder.end
    yield text[position:]


def _filled(placeholder: Placeholder, resolved: Mapping[str, object]) -> str:
    value = resolved.get(placeholder.name)
    if placeholder.conditional:
        return placeholder.if_true if is_true(value) else placeholder.if_false
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value)
    return "" if value is None else str(value)


def _bounded(pieces: Iterator[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_RENDERED:
            message = f"the filled template is longer than {MAX_RENDERED:,} characters; shorten the values"
            raise ValuesError([Problem("(template)", message)])
        yield piece


def _unknown_names(variables: Sequence[Variable], values: Mapping[str, object]) -> list[Problem]:
    known = [variable.name for variable in variables]
    message = f"is not a variable of this template ({', '.join(known) or 'it has none'}); remove it or correct its name"
    return [Problem(str(name), message) for name in values if name not in set(known)]


def _missing(variable: Variable) -> Problem:
    return Problem(variable.name, _with_help(variable, "is required and has no value; fill it in"))


def _with_help(variable: Variable, message: str) -> str:
    return f"{message} ({variable.help})" if variable.help else message


def _as_value(variable: Variable, value: object) -> Value:
    return entries(value) if variable.type == "list" else str(value)
