"""The content of a version: texts and variables, and the problems in them. Pure Python."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from templates_app.text.rendering import TemplateSyntax, Variable, VariableError
from templates_app.text.syntax import scan

FILLED = (("text", "text"), ("system_prompt", "system prompt"))  # the texts that have placeholders


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything of a version that publishing freezes. `variables` are definitions as `Variable.to_dict` writes them."""

    text: str = ""
    system_prompt: str = ""
    training_system_prompt: str = ""
    variables: Sequence[Mapping[str, Any]] = field(default_factory=list)
    language: str = "en"
    model: str = ""
    turns_min: int | None = None
    turns_max: int | None = None

    def as_fields(self) -> dict[str, Any]:
        """The fields of a version. Equal contents give equal fields."""
        return {**asdict(self), "variables": [dict(each) for each in self.variables]}

    def differs_from(self, other: "Content") -> bool:
        return self.as_fields() != other.as_fields()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem that `lint` found. An `error` keeps the version from being published; a `warning` does not."""

    kind: str  # unclosed | unknown | unused | duplicate | definition | literal
    level: str
    message: str


def find_names(text: str) -> list[str]:
    """The names that a text uses, each once and in order. After a syntax error no more names are found."""
    found: dict[str, None] = {}
    try:
        for placeholder in scan(text):
            found[placeholder.name] = None
    except TemplateSyntax:
        pass
    return list(found)


def find_used_names(content: Content) -> list[str]:
    """The names that text and system prompt use, in order of first use."""
    texts = (getattr(content, name) for name, _ in FILLED)
    return list(dict.fromkeys(name for text in texts for name in find_names(text)))


def extract_variables(content: Content) -> list[dict[str, Any]]:
    """The variables, followed by one of type text for each name that the texts use without a declaration."""
    declared = {each.get("name") for each in content.variables}
    new = [Variable(name).to_dict() for name in find_used_names(content) if name not in declared]
    return [*(dict(each) for each in content.variables), *new]


def lint(content: Content) -> list[Finding]:
    """All errors and warnings, errors first: unclosed, definition, duplicate, unknown, unused, literal."""
    found = [
        *_find_unclosed(content),
        *_find_bad_definitions(content),
        *_find_duplicates(content),
        *_find_unknown(content),
        *_find_unused(content),
    ]
    if "{{" in content.training_system_prompt:
        message = (
            "the training system prompt contains '{{', which is exported as it is, because nothing fills it"
        )
        found.append(Finding(kind="literal", level="warning", message=message))
    return sorted(found, key=lambda finding: finding.level != "error")


def find_new_names(content: Content, known: Collection[str]) -> list[Finding]:
    """A warning for each name that the texts use and the previous version did not have: it may be a typing mistake."""
    names = [name for name in find_used_names(content) if known and name not in known]
    return [
        Finding(kind="unknown", level="warning", message=f"{{{{{name}}}}} is new here{_suggest(name, known)}")
        for name in names
    ]


def _suggest(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {{{{{close[0]}}}}}?" if close else ""


def _find_unclosed(content: Content) -> Iterator[Finding]:
    for name, words in FILLED:
        try:
            for _ in scan(getattr(content, name)):
                pass
        except TemplateSyntax as wrong:
            yield Finding(kind="unclosed", level="error", message=f"{words}, {wrong}")


def _find_bad_definitions(content: Content) -> Iterator[Finding]:
    for each in content.variables:
        try:
            Variable.from_dict(each)
        except VariableError as wrong:
            for problem in wrong.problems:
                yield Finding(kind="definition", level="error", message=str(problem))


def _find_duplicates(content: Content) -> Iterator[Finding]:
    names = [str(each.get("name")) for each in content.variables]
    for name, count in Counter(names).items():
        if count > 1:
            message = f"{name} is defined {count} times; keep one"
            yield Finding(kind="duplicate", level="error", message=message)
    spellings: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        spellings.setdefault(name.lower(), []).append(name)
    for alike in spellings.values():
        if len(alike) > 1:
            message = (
                f"{' and '.join(alike)} differ only in upper and lower case; one may be a typing mistake"
            )
            yield Finding(kind="duplicate", level="warning", message=message)


def _find_unknown(content: Content) -> Iterator[Finding]:
    declared = [str(each.get("name")) for each in content.variables]
    for name in find_used_names(content):
        if name not in declared:
            message = f"{{{{{name}}}}} is not among its variables{_suggest(name, declared)}"
            yield Finding(kind="unknown", level="error", message=message)


def _find_unused(content: Content) -> Iterator[Finding]:
    used = set(find_used_names(content))
    for name in dict.fromkeys(str(each.get("name")) for each in content.variables):
        if name not in used:
            message = f"{name} is a variable that neither text nor system prompt uses; remove it"
            yield Finding(kind="unused", level="warning", message=message)
