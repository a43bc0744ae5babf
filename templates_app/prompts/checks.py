"""The checks of a template before it is stored, for forms, API and files. A draft may be unfinished."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from templates_app.models import PromptTemplate
from templates_app.states import Tier
from templates_app.text.content import Content
from templates_app.text.rendering import Problem, Variable, VariableError
from templates_app.text.variables import ProblemsError
from workspaces.models import Workspace

LONGEST_NAME = 200
LONGEST_TEXT = 1_000_000
MOST_VARIABLES = 200
FEWEST_TURNS, MOST_TURNS = 2, 200
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,6})?")
MODEL = re.compile(r"[!-~]{0,100}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class WrongContent(ProblemsError):
    """A template that cannot be stored. Each problem names its field (`name`, `text`, `variables`, ...)."""


def check_name(workspace: Workspace, *, name: str, tier: str, but: UUID | None = None) -> None:
    """Raises WrongContent if the name is empty, too long or taken, or if the tier is unknown."""
    problems = [Problem("name", message) for message in _find_name_problems(workspace, name, but)]
    if tier not in Tier.values:
        problems.append(Problem("tier", f"must be one of {', '.join(Tier.values)}"))
    if problems:
        raise WrongContent(problems)


def _find_name_problems(workspace: Workspace, name: str, but: UUID | None) -> Iterator[str]:
    if not name:
        yield "give it a name"
    elif len(name) > LONGEST_NAME:
        yield f"has {len(name)} characters; at most {LONGEST_NAME} are allowed"
    elif UNSTORABLE.search(name) or not name.isprintable():
        yield "contains characters that cannot be shown; write it in one line of plain text"
    elif PromptTemplate.objects.filter(workspace=workspace, name=name).exclude(pk=but).exists():
        yield "another template of this workspace has this name; choose another"


def check_content(content: Content) -> None:
    """Raises WrongContent if not even a draft may have this content."""
    if problems := list(_find_content_problems(content)):
        raise WrongContent(problems)


def _find_content_problems(content: Content) -> Iterator[Problem]:
    for name in ("text", "system_prompt", "training_system_prompt"):
        text = getattr(content, name)
        if found := UNSTORABLE.search(text):
            code = ord(found.group())
            yield Problem(name, f"contains U+{code:04X} at character {found.start() + 1}; remove it")
        if len(text) > LONGEST_TEXT:
            yield Problem(name, f"has {len(text):,} characters; at most {LONGEST_TEXT:,} are allowed")
    if not LANGUAGE.fullmatch(content.language):
        yield Problem("language", "write a language code such as en, de or pt-BR")
    if not MODEL.fullmatch(content.model):
        yield Problem("model", "write the id of a model, at most 100 characters without spaces")
    yield from _find_turn_problems(content)
    yield from _find_variable_problems(content)


def _find_turn_problems(content: Content) -> Iterator[Problem]:
    numbers = {"turns_min": content.turns_min, "turns_max": content.turns_max}
    for name, number in numbers.items():
        whole = isinstance(number, int) and not isinstance(number, bool)
        if number is not None and not (whole and FEWEST_TURNS <= number <= MOST_TURNS):
            yield Problem(name, f"must be a whole number from {FEWEST_TURNS} to {MOST_TURNS}, or empty")
            return
    if None not in numbers.values() and content.turns_min > content.turns_max:  # type: ignore[operator]
        yield Problem("turns_max", "must not be below the fewest turns; raise it, or lower the fewest turns")


def _find_variable_problems(content: Content) -> Iterator[Problem]:
    if len(content.variables) > MOST_VARIABLES:
        yield Problem("variables", f"there are more than {MOST_VARIABLES}; use fewer")
        return
    names: set[str] = set()
    for definition in content.variables:
        yield from _find_definition_problems(definition)
        name = str(definition.get("name"))
        if name in names:
            yield Problem("variables", f"{name} is defined twice; keep one")
        names.add(name)


def _find_definition_problems(definition: Mapping[str, Any]) -> Iterator[Problem]:
    if any(UNSTORABLE.search(text) for text in _iter_texts(definition)):
        yield Problem("variables", "a variable contains a NUL or half of a surrogate pair; remove it")
        return
    try:
        Variable.from_dict(definition)
    except VariableError as wrong:
        for problem in wrong.problems:
            yield Problem("variables", str(problem))


def _iter_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from (str(key), *_iter_texts(each))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _iter_texts(each)
