"""Reads a starter pack: plain TOML files under `templates_app/pack_files/<name>/` (their README.md tells the format).

Pure Python, no database. A pack is checked completely when it is read, so that a typing mistake is named with its
file and entry before any money is spent.
"""

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from templates_app.text.rendering import (
    TemplateSyntax,
    ValuesError,
    Variable,
    VariableError,
    render,
    resolve,
    undeclared,
)

STARTER_PACK = "financial_planning"
TIERS = ("template", "scenario", "edge_case")
OPTION_LISTS = ("personas", "emotions", "intents", "tones")
# For plans of one's own: no item of a pack has to be in it, and a pack need not have it.
FREE_LISTS = ("topics",)
# The item's field that each option list rules.
_RULED = {"persona": "personas", "emotion": "emotions", "intent": "intents", "tone": "tones"}
_PACK_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,9}")


class PackError(ValueError):
    """A pack that cannot be used; `problems` names file, entry and remedy of each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, kw_only=True)
class Option:
    """One word to choose from, and one line about it."""

    name: str
    description: str


@dataclass(frozen=True, kw_only=True)
class PackTemplate:
    """A prompt template of the pack; `variables` are definitions as `Variable.to_dict` writes them."""

    name: str
    tier: str
    text: str
    system_prompt: str
    training_system_prompt: str
    variables: list[dict[str, Any]]
    language: str
    model: str = ""
    turns_min: int | None = None
    turns_max: int | None = None


@dataclass(frozen=True, kw_only=True)
class PackItem:
    """One conversation to be made. `parameters` fill the template's variables, except `topic`, which is beside them."""

    tier: str
    template: str
    topic: str
    category: tuple[str, ...]
    parameters: dict[str, str]

    @property
    def values(self) -> dict[str, str]:
        """Everything that fills the template, topic included."""
        return {"topic": self.topic, **self.parameters}


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A domain to start from. Packs are cached and shared: read them, never change what is inside."""

    name: str
    title: str
    prefix: str
    language: str
    options: dict[str, tuple[Option, ...]]
    templates: tuple[PackTemplate, ...]
    items: tuple[PackItem, ...]

    def template(self, name: str) -> PackTemplate:
        """The template of that name; KeyError when there is none."""
        return {template.name: template for template in self.templates}[name]


@functools.cache
def load_pack(name: str = STARTER_PACK) -> Pack:
    """The pack of that name, items in plan order: template, scenario, edge case. Raises PackError."""
    folder = resources.files("templates_app") / "pack_files"
    known = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and _PACK_NAME.fullmatch(entry.name)
    )
    if name not in known:
        raise PackError([f"there is no pack '{name}'; known are {', '.join(known)}"])
    return read_pack(folder / name)


def read_pack(folder: Traversable) -> Pack:
    """Reads and checks the pack in a folder, not cached. Raises PackError with every problem of the failing step."""
    about = _read_about(folder)
    options = _read_options(folder)
    templates = _read_templates(folder, language=about["language"])
    items = tuple(
        item for tier in TIERS for item in _read_items(folder, tier, templates=templates, options=options)
    )
    return Pack(name=folder.name, options=options, templates=templates, items=items, **about)


def _read_about(folder: Traversable) -> dict[str, str]:
    entry = _Entry("pack.toml", "", _toml(folder, "pack.toml"))
    about = {key: entry.text(key) for key in ("title", "prefix", "language")}
    entry.refuse_others()
    if "prefix" in entry.table and not _PREFIX.fullmatch(about["prefix"]):
        entry.blame("prefix must be 1 to 10 lower-case letters or digits, a letter first; ids begin with it")
    _raise(entry.problems)
    return about


def _read_options(folder: Traversable) -> dict[str, tuple[Option, ...]]:
    file = "options.toml"
    table = _Entry(file, "", _toml(folder, file))
    options: dict[str, tuple[Option, ...]] = {}
    problems: list[str] = []
    for name in (*OPTION_LISTS, *(each for each in FREE_LISTS if each in table.table)):
        rows = table.rows(name, singular=name.removesuffix("s"))
        options[name] = tuple(
            Option(name=row.text("name"), description=row.text("description")) for row in rows
        )
        for row in rows:
            row.refuse_others()
            problems += row.problems
        problems += _repeated(file, name, [option.name for option in options[name]])
    table.refuse_others()
    _raise(table.problems + problems)
    return options


def _read_templates(folder: Traversable, *, language: str) -> tuple[PackTemplate, ...]:
    file = "templates.toml"
    table = _Entry(file, "", _toml(folder, file))
    rows = table.rows("template", singular="template")
    templates = tuple(_template(row, language=language) for row in rows)
    table.refuse_others()
    problems = table.problems + [problem for row in rows for problem in row.problems]
    _raise(problems + _repeated(file, "template", [template.name for template in templates]))
    return templates


def read_template(given: bytes, *, file: str) -> PackTemplate:
    """The one template of a file that somebody hands in; its system prompts may be left out. Raises PackError."""
    table = _Entry(file, "", _parsed(given, file))
    rows = table.rows("template", singular="template")
    if len(rows) > 1:
        table.blame(f"holds {len(rows)} templates; give one [[template]] a file")
    templates = [_template(row, language="en", prompts="") for row in rows]
    table.refuse_others()
    _raise(table.problems + [problem for row in rows for problem in row.problems])
    return templates[0]


def _template(row: "_Entry", *, language: str, prompts: str | None = None) -> PackTemplate:
    template = PackTemplate(
        name=row.text("name"),
        tier=row.text("tier"),
        text=row.text("text"),
        system_prompt=row.text("system_prompt", default=prompts),
        training_system_prompt=row.text("training_system_prompt", default=prompts),
        language=row.text("language", default=language),
        model=row.text("model", default=""),
        turns_min=row.whole("turns_min"),
        turns_max=row.whole("turns_max"),
        variables=[variable.to_dict() for variable in _variables(row)],
    )
    row.refuse_others()
    if template.tier not in TIERS:
        row.blame(f"tier must be one of {', '.join(TIERS)}, not '{template.tier}'")
    _check_text(row, template)
    return template


def _variables(row: "_Entry") -> list[Variable]:
    variables = []
    for definition in row.tables("variables"):
        try:
            variables.append(Variable.from_dict(definition))
        except VariableError as exc:
            for problem in exc.problems:
                row.blame(f"variable {problem}")
    for name, count in Counter(variable.name for variable in variables).items():
        if count > 1:
            row.blame(f"variable '{name}' is defined {count} times")
    return variables


def _check_text(row: "_Entry", template: PackTemplate) -> None:
    variables = [Variable.from_dict(definition) for definition in template.variables]
    for key, text in (("text", template.text), ("system_prompt", template.system_prompt)):
        try:
            names = undeclared(text, variables)
        except TemplateSyntax as exc:
            row.blame(f"{key}, {exc}")
            continue
        for name in names:
            row.blame(f"{key} uses {{{{{name}}}}}, which is not among its variables")


def _read_items(
    folder: Traversable,
    tier: str,
    *,
    templates: Sequence[PackTemplate],
    options: Mapping[str, tuple[Option, ...]],
) -> tuple[PackItem, ...]:
    file = f"{tier}_items.toml"
    if not (folder / file).is_file():
        return ()
    table = _Entry(file, "", _toml(folder, file))
    rows = table.rows("item", singular="item")
    of_tier = {template.name: template for template in templates if template.tier == tier}
    items = tuple(_item(row, tier, templates=of_tier, options=options) for row in rows)
    table.refuse_others()
    _raise(table.problems + [problem for row in rows for problem in row.problems])
    return items


def _item(
    row: "_Entry",
    tier: str,
    *,
    templates: Mapping[str, PackTemplate],
    options: Mapping[str, tuple[Option, ...]],
) -> PackItem:
    item = PackItem(
        tier=tier,
        template=row.text("template", default=next(iter(templates), "")),
        topic=row.text("topic"),
        category=row.texts("category"),
        parameters=row.remaining_texts(),
    )
    for field, list_name in _RULED.items():
        value = item.parameters.get(field)
        if value is not None and value not in {option.name for option in options[list_name]}:
            row.blame(f"{field} '{value}' is not in the list '{list_name}' of options.toml")
    _check_values(row, item, template=templates.get(item.template))
    return item


def _check_values(row: "_Entry", item: PackItem, *, template: PackTemplate | None) -> None:
    if template is None:
        row.blame(f"templates.toml has no template '{item.template}' of tier '{item.tier}'")
        return
    try:
        render(template.text, resolve([Variable.from_dict(d) for d in template.variables], item.values))
    except ValuesError as exc:
        for problem in exc.problems:
            row.blame(str(problem))


class _Entry:
    """One table of a TOML file: hands out its fields and remembers what is wrong, with file and entry."""

    def __init__(self, file: str, label: str, table: Mapping[str, Any]) -> None:
        self.file, self.label, self.table = file, label, table
        self.taken: set[str] = set()
        self.problems: list[str] = []

    def blame(self, message: str) -> None:
        self.problems.append(
            f"{self.file}, {self.label}: {message}" if self.label else f"{self.file}: {message}"
        )

    def text(self, key: str, *, default: str | None = None) -> str:
        self.taken.add(key)
        value = self.table.get(key, default)
        if isinstance(value, str) and (value.strip() or key not in self.table):
            return value
        self.blame(f"'{key}' is missing" if value is None else f"'{key}' must be text that is not empty")
        return ""

    def whole(self, key: str) -> int | None:
        """A whole number; None where there is none."""
        self.taken.add(key)
        value = self.table.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.blame(f"'{key}' must be a whole number, without quotes")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        self.taken.add(key)
        value = self.table.get(key, [])
        if isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value):
            return tuple(value)
        self.blame(f"'{key}' must be a list of words")
        return ()

    def tables(self, key: str) -> list[dict[str, Any]]:
        self.taken.add(key)
        value = self.table.get(key, [])
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return value
        self.blame(f"'{key}' must be a list of tables")
        return []

    def rows(self, key: str, *, singular: str) -> list["_Entry"]:
        tables = self.tables(key)
        if not tables and not self.problems:
            self.blame(f"'{key}' needs at least one entry, written [[{key}]]")
        return [
            _Entry(self.file, _label(singular, number, table), table)
            for number, table in enumerate(tables, 1)
        ]

    def remaining_texts(self) -> dict[str, str]:
        keys = [key for key in self.table if key not in self.taken]
        return {key: self.text(key) for key in keys}

    def refuse_others(self) -> None:
        for key in self.table:
            if key not in self.taken:
                self.blame(f"unknown key '{key}'; known are {', '.join(sorted(self.taken))}")


def _label(singular: str, number: int, table: Mapping[str, Any]) -> str:
    name = table.get("name", table.get("topic"))
    return f"{singular} {number} ('{name}')" if isinstance(name, str) else f"{singular} {number}"


def _toml(folder: Traversable, file: str) -> dict[str, Any]:
    try:
        return _parsed((folder / file).read_bytes(), file)
    except FileNotFoundError as exc:
        raise PackError([f"{file}: the file is missing from the pack '{folder.name}'"]) from exc


def _parsed(given: bytes, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(given.decode("utf-8-sig"))
    except RecursionError as exc:
        raise PackError([f"{file}: it is nested too deeply"]) from exc
    except UnicodeDecodeError as exc:
        raise PackError([f"{file}: the file must be UTF-8 text ({exc.reason} at byte {exc.start})"]) from exc
    except tomllib.TOMLDecodeError as exc:
        raise PackError([f"{file}: not valid TOML: {exc}"]) from exc


def _repeated(file: str, kind: str, names: Sequence[str]) -> list[str]:
    counts = Counter(name for name in names if name)
    return [f"{file}, {kind}: '{name}' is there {count} times" for name, count in counts.items() if count > 1]


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise PackError(problems)
