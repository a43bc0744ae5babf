"""What a version says, apart from its row: texts and variables, and what is wrong with them. Pure Python."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from templates_app.text.rendering import TemplateSyntax, Variable, VariableError
from templates_app.text.syntax import scan

FILLED = (("text", "text"), ("system_prompt", "system prompt"))  # the texts that values go into


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
        """The columns of a version, equal for equal contents."""
        return {**asdict(self), "variables": [dict(each) for each in self.variables]}

    def differs_from(self, other: "Content") -> bool:
        return self.as_fields() != other.as_fields()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that lint says. An `error` keeps the version from being published; a `warning` does not."""

    kind: str  # unclosed | unknown | unused | duplicate | definition | literal
    level: str
    message: str


def names_in(text: str) -> list[str]:
    """The names that a text uses, each once, in order; those before the place where its syntax breaks."""
    found: dict[str, None] = {}
    try:
        for placeholder in scan(text):
            found[placeholder.name] = None
    except TemplateSyntax:
        pass
    return list(found)


def used_names(content: Content) -> list[str]:
    """The names that text and system prompt use, in order of first use."""
    texts = (getattr(content, name) for name, _ in FILLED)
    return list(dict.fromkeys(name for text in texts for name in names_in(text)))


def extracted(content: Content) -> list[dict[str, Any]]:
    """The variables, and after them one of type text for each name that the texts use and nobody has declared."""
    declared = {each.get("name") for each in content.variables}
    new = [Variable(name).to_dict() for name in used_names(content) if name not in declared]
    return [*(dict(each) for each in content.variables), *new]


def lint(content: Content) -> list[Finding]:
    """Everything that is wrong or doubtful, errors first: unclosed, definition, duplicate, unknown, unused, literal."""
    found = [
        *_unclosed(content),
        *_definitions(content),
        *_duplicates(content),
        *_unknown(content),
        *_unused(content),
    ]
    if "{{" in content.training_system_prompt:
        message = "the training system prompt contains '{{', which is exported as it stands: nothing fills it"
        found.append(Finding(kind="literal", level="warning", message=message))
    return sorted(found, key=lambda finding: finding.level != "error")


def new_names(content: Content, known: Collection[str]) -> list[Finding]:
    """A warning for each name that the texts use and the version before did not have: it may be a slip of the hand."""
    names = [name for name in used_names(content) if known and name not in known]
    return [
        Finding(kind="unknown", level="warning", message=f"{{{{{name}}}}} is new here{_hint(name, known)}")
        for name in names
    ]


def _hint(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {{{{{close[0]}}}}}?" if close else ""


def _unclosed(content: Content) -> Iterator[Finding]:
    for name, words in FILLED:
        try:
            for _ in scan(getattr(content, name)):
                pass
        except TemplateSyntax as wrong:
            yield Finding(kind="unclosed", level="error", message=f"{words}, {wrong}")


def _definitions(content: Content) -> Iterator[Finding]:
    for each in content.variables:
        try:
            Variable.from_dict(each)
        except VariableError as wrong:
            for problem in wrong.problems:
                yield Finding(kind="definition", level="error", message=str(problem))


def _duplicates(content: Content) -> Iterator[Finding]:
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
            message = f"{' and '.join(alike)} differ only in upper and lower case; one of them may be a slip"
            yield Finding(kind="duplicate", level="warning", message=message)


def _unknown(content: Content) -> Iterator[Finding]:
    declared = [str(each.get("name")) for each in content.variables]
    for name in used_names(content):
        if name not in declared:
            message = f"{{{{{name}}}}} is not among its variables{_hint(name, declared)}"
            yield Finding(kind="unknown", level="error", message=message)


def _unused(content: Content) -> Iterator[Finding]:
    used = set(used_names(content))
    for name in dict.fromkeys(str(each.get("name")) for each in content.variables):
        if name not in used:
            message = f"{name} is a variable that neither text nor system prompt uses; remove it"
            yield Finding(kind="unused", level="warning", message=message)
