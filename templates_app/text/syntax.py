"""Reads a template text: placeholders, sections and escapes, with the place of every mistake. Pure Python, linear time.

- `{{name}}` is filled; `{{name ? 'yes' : 'no'}}` chooses one of two texts.
- `{{#name}} ... {{/name}}` is kept if the value is true, `{{^name}} ... {{/name}}` if it is not. Lines that hold nothing
  but such tags vanish, as Mustache says.
- `\\{{` is a literal `{{`, `\\\\{{` a backslash before a placeholder.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from templates_app.text.mistakes import explain_braces, explain_branch
from templates_app.text.names import NAME

# Versions record the syntax that they were written in, so that an old one renders as it always did.
PLAIN = 1  # placeholders only; a backslash before `{{` is a backslash
SECTIONS = 2  # sections and escapes
NEWEST = SECTIONS
SYNTAXES = (PLAIN, SECTIONS)
MOST_MISTAKES = 20
MOST_TAGS = 5_000  # placeholders, tags of sections and escapes of one text

# Possessive quantifiers (`*+`) never give characters back, so that no text makes the match slower than linear.
_QUOTED = r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'"
_PLACEHOLDER = re.compile(
    rf"\{{\{{\s*+({NAME.pattern})\s*+(\?\s*+{_QUOTED}\s*+:\s*+{_QUOTED}\s*+)?\}}\}}", re.DOTALL
)
_TAG = rf"\{{\{{\s*+([#^/])\s*+({NAME.pattern})\s*+\}}\}}"
_SECTION_TAG = re.compile(_TAG)
_LINE_OF_TAGS = re.compile(rf"[ \t]*+(?:{_TAG}[ \t]*+)++(?:\r?\n|\Z)")
_BRANCH_ESCAPE = {PLAIN: re.compile(r"\\(['\\])"), SECTIONS: re.compile(r"\\(['\\]|\{\{)")}
_OLD_BRANCH = re.compile(r"\\['\\]|(\\?)\{\{")
_BRANCH_BRACES = re.compile(r"(?:\\(?:['\\]|\{\{))|(\{\{)")


class TemplateSyntax(ValueError):
    """A mistake in a template text. Line and column count from 1; `start` is where the wrong tag begins, from 0."""

    def __init__(self, message: str, *, line: int, column: int, start: int = 0) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column, self.start = message, line, column, start


class Section(NamedTuple):
    """The opening tag of a section, and what a part says about the section that it stands in."""

    name: str
    inverted: bool
    start: int
    line: int
    column: int


class Text(NamedTuple):
    """Text that is sent as it is. `start`: where it begins in the template."""

    text: str
    start: int
    section: Section | None = None


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
    section: Section | None = None


Part: TypeAlias = Text | Placeholder | Section


def scan(text: str, *, syntax: int = NEWEST) -> Iterator[Part]:
    """Yields the parts in order; a section's opening tag precedes its parts. Raises TemplateSyntax at the first mistake."""
    return _Scanner(text, syntax).scan()


def scan_all(text: str, *, syntax: int = NEWEST) -> tuple[list[Part], list[TemplateSyntax]]:
    """The parts that can be read, and the mistakes between them: at most MOST_MISTAKES, in order."""
    scanner = _Scanner(text, syntax, mistakes=[])
    parts = list(scanner.scan())
    return parts, scanner.mistakes or []


def upgrade(text: str, *, syntax: int) -> str:
    """The text in the newest syntax, with the same meaning. What follows a mistake stays as it is."""
    if syntax == NEWEST:
        return text
    written, position = [], 0
    parts, mistakes = scan_all(text, syntax=syntax)
    end = min((each.start for each in mistakes), default=len(text))
    for part in parts:
        if isinstance(part, Placeholder) and part.end <= end:
            before = text[position : part.start]
            slashes = len(before) - len(before.rstrip("\\"))
            written += [before, "\\" * slashes, _upgrade_branches(text[part.start : part.end])]
            position = part.end
    return "".join(written) + text[position:]


def _upgrade_branches(tag: str) -> str:
    """The tag with escaped braces in its branches. In the old syntax braces in a branch were ordinary text."""
    return tag[:2] + _OLD_BRANCH.sub(
        lambda found: found[0] if found[1] is None else "\\" * (2 * len(found[1])) + r"\{{", tag[2:]
    )


class _Scanner:
    """One pass over a text. `position`: everything before it is read. With a list for mistakes it goes on after each."""

    def __init__(self, text: str, syntax: int, *, mistakes: list[TemplateSyntax] | None = None) -> None:
        self.text, self.syntax, self.mistakes = text, syntax, mistakes
        self.position = 0
        self.section: Section | None = None
        self.counted, self.line, self.line_start = 0, 1, 0

    def scan(self) -> Iterator[Part]:
        left = MOST_TAGS
        while (start := self.text.find("{{", self.position)) != -1:
            if self.mistakes is not None and len(self.mistakes) >= MOST_MISTAKES:
                return
            if not left:
                self._refuse(
                    f"there are more than {MOST_TAGS:,} placeholders and tags; divide the text", start
                )
                return
            left -= 1
            yield from self._read_braces(start)
        yield from self._take_text(self.text[self.position :])
        if self.section is not None:
            name, start = self.section.name, self.section.start
            sign = "^" if self.section.inverted else "#"
            self._refuse(f"{{{{{sign}{name}}}}} is never closed; write {{{{/{name}}}}} where it ends", start)

    def _read_braces(self, start: int) -> Iterator[Part]:
        before = self.text[self.position : start]
        if self.syntax == PLAIN:
            yield from self._take_text(before)
            yield from self._read_placeholder(start)
            return
        slashes = len(before) - len(before.rstrip("\\"))
        literal = before[: len(before) - slashes] + "\\" * (slashes // 2)
        if slashes % 2:
            yield from self._take_text(literal + "{{")
            self.position = start + 2
        elif tag := _SECTION_TAG.match(self.text, start):
            yield from self._read_sections(start, literal, tag)
        else:
            yield from self._take_text(literal)
            yield from self._read_placeholder(start)

    def _take_text(self, text: str) -> Iterator[Part]:
        if text:
            yield Text(text, self.position, self.section)

    def _read_placeholder(self, start: int) -> Iterator[Part]:
        match = _PLACEHOLDER.match(self.text, start)
        if match is None:
            mistake = explain_braces(self.text, start)
            self._refuse(mistake.message, mistake.at, start=start, end=mistake.end)
            return
        for number in (3, 4) if self.syntax != PLAIN else ():
            if (at := self._find_braces(match, number)) is not None:
                self._refuse(explain_branch(match), at, start=start, end=match.end())
                return
        name, conditional, if_true, if_false = match.groups()
        line, column = self._find_place(start)
        yield Placeholder(
            name=name,
            conditional=conditional is not None,
            start=start,
            end=match.end(),
            line=line,
            column=column,
            if_true=self._unescape(if_true),
            if_false=self._unescape(if_false),
            section=self.section,
        )
        self.position = match.end()

    def _find_braces(self, match: re.Match[str], number: int) -> int | None:
        """Where a branch holds braces that are not escaped."""
        found = _BRANCH_BRACES.finditer(match[number] or "")
        return next((match.start(number) + each.start() for each in found if each[1]), None)

    def _unescape(self, branch: str | None) -> str:
        return _BRANCH_ESCAPE[self.syntax].sub(r"\1", branch) if branch else ""

    def _read_sections(self, start: int, literal: str, tag: re.Match[str]) -> Iterator[Part]:
        """One section tag, or all tags of a line that holds nothing else: such a line vanishes."""
        self._find_place(start)
        line = self.line_start
        alone = self.position <= line and not self.text[line:start].strip(" \t")
        whole = _LINE_OF_TAGS.match(self.text, line) if alone else None
        yield from self._take_text(literal[: len(literal) - (start - line)] if whole else literal)
        end = whole.end() if whole else tag.end()
        for each in _SECTION_TAG.finditer(self.text, start, end):
            yield from self._open_or_close(each)
        self.position = end

    def _open_or_close(self, tag: re.Match[str]) -> Iterator[Part]:
        sign, name = tag.groups()
        opened = self.section
        if sign == "/":
            self.section = None
            if opened is None:
                self._refuse(
                    f"{{{{/{name}}}}} closes nothing; write {{{{#{name}}}}} where the section begins",
                    tag.start(),
                )
            elif opened.name != name:
                self._refuse(
                    f"{{{{/{name}}}}} does not close {{{{{'^' if opened.inverted else '#'}{opened.name}}}}} of line "
                    f"{opened.line}; write {{{{/{opened.name}}}}} first",
                    tag.start(),
                )
            return
        if opened is not None:
            self._refuse(
                f"{{{{{sign}{name}}}}} stands in the section of {opened.name} (line {opened.line}), and a section "
                f"cannot hold another one; write {{{{/{opened.name}}}}} first",
                tag.start(),
            )
        line, column = self._find_place(tag.start())
        self.section = Section(name, sign == "^", tag.start(), line, column)
        yield self.section

    def _find_place(self, at: int) -> tuple[int, int]:
        """Line and column. Counting on from the last place keeps the time linear, even for one long line."""
        if at < self.counted:
            self.counted, self.line, self.line_start = 0, 1, 0
        self.line += self.text.count("\n", self.counted, at)
        self.line_start = max(self.line_start, self.text.rfind("\n", self.counted, at) + 1)
        self.counted = at
        return self.line, at - self.line_start + 1

    def _refuse(self, message: str, at: int, *, start: int | None = None, end: int | None = None) -> None:
        """Raise the mistake, or note it and go on after the tag."""
        line, column = self._find_place(at)
        wrong = TemplateSyntax(message, line=line, column=column, start=at if start is None else start)
        if self.mistakes is None:
            raise wrong
        self.mistakes.append(wrong)
        if end is not None:
            self.position = end
