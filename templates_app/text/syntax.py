"""Finds the placeholders of a template text: `{{name}}` and `{{name ? 'yes' : 'no'}}`. Pure Python, linear time."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_NAME = 64
NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}")

# Possessive quantifiers (`*+`) never give characters back, so that no text makes the match slower than linear.
_QUOTED = r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'"
_PLACEHOLDER = re.compile(
    rf"\{{\{{\s*+({NAME.pattern})\s*+(\?\s*+{_QUOTED}\s*+:\s*+{_QUOTED}\s*+)?\}}\}}", re.DOTALL
)
_ESCAPE = re.compile(r"\\(['\\])")


class TemplateSyntax(ValueError):
    """A `{{` in a template that does not begin a valid placeholder. Line and column count from 1."""

    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column = message, line, column


class Placeholder(NamedTuple):
    """Where a text names a variable: characters `start` to `end`, line and column from 1, and the branches, if any."""

    name: str
    conditional: bool
    start: int
    end: int
    line: int
    column: int
    if_true: str = ""
    if_false: str = ""


def scan(text: str) -> Iterator[Placeholder]:
    """Yields the placeholders in order. Raises TemplateSyntax at the first `{{` that does not begin one."""
    position, line, line_start = 0, 1, 0
    while (start := text.find("{{", position)) != -1:
        # Counting only from the last placeholder keeps the time linear, even for one long line.
        line += text.count("\n", position, start)
        line_start = max(line_start, text.rfind("\n", position, start) + 1)
        column = start - line_start + 1
        match = _PLACEHOLDER.match(text, start)
        if match is None:
            raise TemplateSyntax(_describe_problem(text, start), line=line, column=column)
        name, conditional, if_true, if_false = match.groups()
        yield Placeholder(
            name=name,
            conditional=conditional is not None,
            start=start,
            end=match.end(),
            line=line,
            column=column,
            if_true=_unescape(if_true),
            if_false=_unescape(if_false),
        )
        line += match.group().count("\n")
        line_start = max(line_start, text.rfind("\n", start, match.end()) + 1)
        position = match.end()


def _describe_problem(text: str, start: int) -> str:
    forms = "write {{name}} or {{name ? 'text if true' : 'text if false'}}"
    end = text.find("}}", start)
    if end == -1:
        return f"'{{{{' is never closed by '}}}}'; {forms}"
    found = text[start : end + 2]
    shown = found if len(found) <= 60 else found[:57] + "..."
    return (
        f"{shown!r} is not a placeholder; {forms}, with a name of letters, digits and _ (at most {MAX_NAME})"
    )


def _unescape(branch: str | None) -> str:
    return _ESCAPE.sub(r"\1", branch) if branch else ""
