"""The content of a version: texts and variables, and the problems in them. Pure Python."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lib.likeness import suggest
from lib.untrusted.json_bodies import MOST_PROBLEMS
from templates_app.text.foreign import find_foreign_marks
from templates_app.text.rendering import Variable, VariableError
from templates_app.text.syntax import NEWEST, Placeholder, Section, TemplateSyntax, Text, scan_all, upgrade
from templates_app.text.variables import is_blank

# What every scenario and edge case has a field for, in the order of forms and files.
SITUATION_NAMES = ("persona", "emotion", "topic", "intent", "tone", "context", "expected_behaviour")
MOST_NEW_NAMES = 201  # one more variable than a template may have: enough to refuse it, and no more to show
FILLED = (("text", "text"), ("system_prompt", "system prompt"))  # the texts that have placeholders


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything of a version that publishing freezes. `variables` are definitions as `Variable.to_dict` writes them.

    `syntax`: how its texts are read, see `templates_app.text.syntax`.
    """

    text: str = ""
    system_prompt: str = ""
    training_system_prompt: str = ""
    variables: Sequence[Mapping[str, Any]] = field(default_factory=list)
    language: str = "en"
    model: str = ""
    turns_min: int | None = None
    turns_max: int | None = None
    syntax: int = NEWEST

    def as_fields(self) -> dict[str, Any]:
        """The fields of a version. Equal contents give equal fields."""
        return {**asdict(self), "variables": [dict(each) for each in self.variables]}

    def differs_from(self, other: "Content") -> bool:
        return self.as_fields() != other.as_fields()

    def upgrade(self) -> "Content":
        """The same content in the newest syntax, in which it is edited. It renders as before."""
        texts: dict[str, Any] = {name: upgrade(getattr(self, name), syntax=self.syntax) for name, _ in FILLED}
        return replace(self, **texts, syntax=NEWEST)

    @property
    def is_rewritten_by_upgrade(self) -> bool:
        """Whether the newest syntax writes its texts in another way."""
        return any(upgrade(text, syntax=self.syntax) != text for text in (self.text, self.system_prompt))

    def drop_unused(self, *, keep: Collection[str] = ()) -> "Content":
        """Without the variables that no text uses. Those to `keep` stay, and are no longer required."""
        used = set(find_used_names(self))
        kept = [
            dict(each) if each.get("name") in used else {**each, "required": False}
            for each in self.variables
            if each.get("name") in used or each.get("name") in keep
        ]
        return replace(self, variables=kept)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem that `lint` found. An `error` keeps the version from being published; a `warning` does not."""

    kind: str  # syntax | unknown | unused | duplicate | definition | literal | foreign | unfilled | empty
    level: str
    message: str


def find_names(text: str, *, syntax: int = NEWEST) -> list[str]:
    """The names that a text uses, each once and in order, those after a mistake too."""
    parts, _ = scan_all(text, syntax=syntax)
    return list(dict.fromkeys(part.name for part in parts if not isinstance(part, Text)))


def find_used_names(content: Content) -> list[str]:
    """The names that text and system prompt use, in order of first use."""
    texts = (getattr(content, name) for name, _ in FILLED)
    return list(dict.fromkeys(name for text in texts for name in find_names(text, syntax=content.syntax)))


def extract_variables(content: Content) -> list[dict[str, Any]]:
    """The variables, followed by one of type text for each name that the texts use without a declaration.

    A new name is required if a text fills it outside of its own section; otherwise the text is prepared for no value. Of
    very many new names only the first are taken, at most MOST_NEW_NAMES.
    """
    declared = {each.get("name") for each in content.variables}
    needed: dict[str, bool] = {}
    for name, _ in FILLED:
        for part in scan_all(getattr(content, name), syntax=content.syntax)[0]:
            if not isinstance(part, Text):
                needed[part.name] = needed.get(part.name, False) or _is_needed(part)
    names = [name for name in needed if name not in declared][:MOST_NEW_NAMES]
    new = [Variable(name, required=needed[name]).to_dict() for name in names]
    return [*(dict(each) for each in content.variables), *new]


def _is_needed(part: Placeholder | Section) -> bool:
    """Whether the text has no sense there without a value."""
    if not isinstance(part, Placeholder) or part.conditional:
        return False
    return part.section is None or part.section.name != part.name


def lint(content: Content, *, filled: Collection[str] | None = None) -> list[Finding]:
    """All errors and warnings, errors first. With `filled`, the names that plans fill, also the names that nothing fills."""
    found = [
        *_find_empty(content),
        *_find_mistakes(content),
        *_find_bad_definitions(content),
        *_find_duplicates(content),
        *_find_unknown(content),
        *_find_foreign(content),
        *(_find_unfilled(content, filled) if filled is not None else ()),
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
    return _list_unknown(names, known, level="warning", words="new here")


def _list_unknown(names: Sequence[str], known: Collection[str], *, level: str, words: str) -> list[Finding]:
    """A finding for each of the first names, with the known one that is meant, and one that counts the others."""
    messages = [f"{{{{{name}}}}} is {words}{_suggest(name, known)}" for name in names[:MOST_PROBLEMS]]
    if len(names) > MOST_PROBLEMS:
        messages.append(f"{len(names) - MOST_PROBLEMS:,} more names are {words}")
    return [Finding(kind="unknown", level=level, message=message) for message in messages]


def _suggest(name: str, known: Collection[str]) -> str:
    meant = suggest(name, known)
    return f"; did you mean {{{{{meant}}}}}?" if meant else ""


def _find_empty(content: Content) -> Iterator[Finding]:
    if not content.text.strip():
        yield Finding(kind="empty", level="error", message="its text is empty; write the prompt")


def _find_mistakes(content: Content) -> Iterator[Finding]:
    for name, words in FILLED:
        for wrong in _scan_mistakes(getattr(content, name), content.syntax):
            yield Finding(kind="syntax", level="error", message=f"{words}, {wrong}")


def _scan_mistakes(text: str, syntax: int) -> list[TemplateSyntax]:
    return scan_all(text, syntax=syntax)[1]


def _find_foreign(content: Content) -> Iterator[Finding]:
    names = {*find_used_names(content), *(str(each.get("name")) for each in content.variables)}
    for name, words in FILLED:
        for mark in find_foreign_marks(getattr(content, name), names, standard=SITUATION_NAMES):
            place = f"{words}, line {mark.line}, column {mark.column}"
            message = f"{place}: {mark.text} is sent as it is; {mark.advice}"
            yield Finding(kind="foreign", level="warning", message=message)


def _find_unfilled(content: Content, filled: Collection[str]) -> Iterator[Finding]:
    used = set(find_used_names(content))
    for each in content.variables:
        name = str(each.get("name"))
        if (
            name in used
            and name not in filled
            and each.get("required", True)
            and is_blank(each.get("default"))
        ):
            message = (
                f"{{{{{name}}}}} is required, and nothing in the library fills it, so Generate all leaves such conversations "
                "out; give it a default, make it optional, or give it a value in every plan (a column, a parameter)"
            )
            yield Finding(kind="unfilled", level="warning", message=message)


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


def _find_unknown(content: Content) -> list[Finding]:
    declared = list(dict.fromkeys(str(each.get("name")) for each in content.variables))
    known = set(declared)
    names = [name for name in find_used_names(content) if name not in known]
    return _list_unknown(names, declared, level="error", words="not among its variables")


def find_unused_names(content: Content) -> list[str]:
    """The variables that neither text nor system prompt uses, in their order."""
    used = set(find_used_names(content))
    names = dict.fromkeys(str(each.get("name")) for each in content.variables)
    return [name for name in names if name not in used]


def _find_unused(content: Content) -> Iterator[Finding]:
    for name in find_unused_names(content):
        message = f"{name} is a variable that neither text nor system prompt uses; publishing removes it"
        yield Finding(kind="unused", level="warning", message=message)
