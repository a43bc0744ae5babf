"""The preview of a filled text, in pieces that tell where they come from. `rendering.render` makes the real prompt."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from templates_app.text.rendering import Variable, VariableError, is_shown, is_true
from templates_app.text.syntax import NEWEST, Placeholder, Section, Text, scan_all
from templates_app.text.variables import find_value_problems, is_blank, split_entries

# Limits of a preview in characters and pieces. The request itself is never cut.
LONGEST, MOST_PIECES = 100_000, 2_000


class Piece(NamedTuple):
    """A part of the text. `kind` is empty for the template's text, else filled, default, missing, wrong or syntax."""

    text: str
    kind: str = ""
    name: str = ""
    title: str = ""


class _Fill(NamedTuple):
    value: object
    kind: str
    title: str


def build_preview(
    text: str,
    definitions: Sequence[Mapping[str, Any]],
    values: Mapping[str, object],
    *,
    syntax: int = NEWEST,
) -> tuple[Piece, ...]:
    """The text with its placeholders filled as far as possible. Never raises; placeholders in values are not filled.

    What follows the first mistake is shown as it was written.
    """
    fills = dict(_find_fills(definitions, values))
    found: list[Piece] = []
    length = 0
    for piece in _iter_pieces(text, fills, syntax):
        found.append(piece)
        length += len(piece.text)
        if length > LONGEST:
            found[-1] = piece._replace(text=piece.text[: len(piece.text) - (length - LONGEST)])
        if length > LONGEST or len(found) > MOST_PIECES:
            return (*found, Piece(" … (the preview ends here)", "syntax"))
    return tuple(found)


def _iter_pieces(text: str, fills: Mapping[str, _Fill], syntax: int) -> Iterator[Piece]:
    parts, mistakes = scan_all(text, syntax=syntax)
    first = min(mistakes, key=lambda mistake: mistake.start, default=None)
    values = {name: fill.value for name, fill in fills.items()}
    for part in parts:
        if first is not None and part.start >= first.start:
            break
        if isinstance(part, Section) or not is_shown(part, values):
            continue
        piece = Piece(part.text) if isinstance(part, Text) else _fill_placeholder(part, fills.get(part.name))
        if piece.text:
            yield piece
    if first is not None:
        yield Piece(text[first.start :], "syntax", title=str(first))


def _fill_placeholder(placeholder: Placeholder, fill: _Fill | None) -> Piece:
    name = placeholder.name
    if fill is None:
        return Piece(f"{{{{{name}}}}}", "missing", name, "not among the variables")
    if placeholder.conditional:
        branch = placeholder.if_true if is_true(fill.value) else placeholder.if_false
        kind = fill.kind if fill.kind in ("filled", "wrong") else "default"
        return Piece(branch, kind, name, fill.title if kind == "wrong" else f"chosen by {name}")
    if fill.kind == "missing":
        return Piece(f"{{{{{name}}}}}", "missing", name, fill.title)
    value = ", ".join(fill.value) if isinstance(fill.value, list) else str(fill.value)
    return Piece(value, fill.kind, name, fill.title)


def _find_fills(
    definitions: Sequence[Mapping[str, Any]], values: Mapping[str, object]
) -> Iterator[tuple[str, _Fill]]:
    for definition in definitions:
        try:
            variable = Variable.from_dict(definition)
        except VariableError:
            variable = Variable("broken", required=False)
        name = str(definition.get("name"))
        yield name, _find_fill(variable, name, values.get(name))


def _find_fill(variable: Variable, name: str, given: object) -> _Fill:
    value = variable.default if is_blank(given) else given
    if is_blank(value):
        title = f"{name} is required"
        return _Fill("", "missing" if variable.required else "default", title)
    shown = split_entries(value) if variable.type == "list" else str(value)
    if problems := find_value_problems(variable, value):
        return _Fill(shown, "wrong", f"{name} {'; '.join(problems)}")
    return _Fill(shown, "default", f"default of {name}") if is_blank(given) else _Fill(shown, "filled", name)
