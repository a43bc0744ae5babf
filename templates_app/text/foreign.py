"""Finds the placeholders and tags of other tools, which nothing fills here: `{x}`, `${x}`, `<x>`, `{% if %}`. Pure Python.

A prompt may show code, JSON and XML, so only what is probably meant as a placeholder is reported.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from templates_app.text.names import NAME

MOST_REPORTED = 20
LONGEST_SHOWN = 60

_NAME = NAME.pattern
# {x}, { x }, {x!r}, {x:>10}, ${x}, #{x}; never a part of {{x}} or of \{{x}}.
_BRACED = re.compile(rf"(?<![{{\\])[$#]?\{{[ \t]*+({_NAME})[ \t]*+(?:[!:][^{{}}\n]{{0,40}}+)?\}}(?!\}})")
_PERCENT = re.compile(rf"%\(({_NAME})\)[sdrif]")
_ANGLED = re.compile(rf"<[ \t]*+({_NAME})[ \t]*+>")
# A tag ends where the next could begin, so that the search takes linear time.
_TAG = re.compile(r"\{%[^{}\n]*?%\}|<%[^<>\n]*?%>")
_CLOSING = re.compile(rf"</[ \t]*+({_NAME})[ \t]*+>")
_WORD = re.compile(_NAME)
_LOGIC = frozenset(
    ["if", "elif", "else", "endif", "for", "endfor", "in", "not", "and", "or", "set", "unless", "endunless"]
)


class ForeignMark(NamedTuple):
    """A placeholder or tag of another tool: what is written, where it begins, and what to write instead."""

    text: str
    line: int
    column: int
    advice: str


def find_foreign_marks(
    text: str, names: Collection[str], *, standard: Collection[str] = ()
) -> list[ForeignMark]:
    """The first place of each mark, in order of the text, at most MOST_REPORTED.

    `names` are the template's variables, in any case. `standard` are names that are certainly meant, even where no
    variable has them. A text without any `{{name}}` was probably written for another tool: there every `{word}` counts.
    """
    known = {name.lower(): name for name in (*standard, *names)}
    found = sorted(
        {each.group(): each for each in reversed(list(_iter_matches(text, known, names)))}.values(),
        key=_get_start,
    )
    return [_describe(text, match, known) for match in found[:MOST_REPORTED]]


def _get_start(match: re.Match[str]) -> int:
    return match.start()


def _iter_matches(text: str, known: dict[str, str], names: Collection[str]) -> Iterator[re.Match[str]]:
    is_foreign = "{{" not in text
    own = {name.lower() for name in names}
    yield from _TAG.finditer(text)
    for pattern in (_BRACED, _PERCENT):
        yield from (each for each in pattern.finditer(text) if is_foreign or each[1].lower() in known)
    # <context> ... </context> is an XML element, which is usual in prompts.
    closed = {each.lower() for each in _CLOSING.findall(text)}
    yield from (each for each in _ANGLED.finditer(text) if each[1].lower() in own - closed)


def _describe(text: str, match: re.Match[str], known: dict[str, str]) -> ForeignMark:
    line = text.count("\n", 0, match.start()) + 1
    column = match.start() - text.rfind("\n", 0, match.start())
    shown = (
        match.group() if len(match.group()) <= LONGEST_SHOWN else match.group()[: LONGEST_SHOWN - 3] + "..."
    )
    return ForeignMark(shown, line, column, _advise(match, known))


def _advise(match: re.Match[str], known: dict[str, str]) -> str:
    if match.re is not _TAG:
        return f"write {{{{{known.get(match[1].lower(), match[1])}}}}} if it is to be filled"
    word = next((each for each in _WORD.findall(match.group()) if each not in _LOGIC), "name")
    if match.group().startswith("<%="):
        return f"write {{{{{word}}}}} if it is to be filled"
    return f"a part that depends on a variable is a section: {{{{#{word}}}}} ... {{{{/{word}}}}}"
