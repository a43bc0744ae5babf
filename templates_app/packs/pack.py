"""Reads a starter pack: TOML files in `templates_app/pack_files/<name>/`. Their README.md explains the format.

Pure Python, no database. A pack is checked completely when it is read, so that a typing mistake is reported with its
file and entry before any money is spent.
"""

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from lib.row_problems import RowsError, count_rest
from lib.tables.encoding import NOT_UTF8, decode_text
from lib.untrusted.json_bodies import MOST_PROBLEMS
from lib.untrusted.toml_files import UnreadableTOML, read_toml
from templates_app.text.rendering import (
    TemplateSyntax,
    ValuesError,
    Variable,
    VariableError,
    find_undeclared,
    render,
    resolve,
)
from templates_app.text.syntax import NEWEST, SYNTAXES

STARTER_PACK = "financial_planning"
TIERS = ("template", "scenario", "edge_case")
OPTION_LISTS = ("personas", "emotions", "intents", "tones")
# Optional lists for people's own plans. The items of a pack do not use them.
FREE_LISTS = ("topics",)
# If an item has one of these fields, its value must be in the option list.
_LIST_OF_FIELD = {"persona": "personas", "emotion": "emotions", "intent": "intents", "tone": "tones"}
_PACK_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,9}")


class PackError(ValueError):
    """The pack cannot be used. Each of the `problems` names the file, the entry and what to do; of many the first 20 are told."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = [*problems[:MOST_PROBLEMS], *count_rest(problems)]
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice of an option list, with one line about it."""

    name: str
    description: str


@dataclass(frozen=True, kw_only=True)
class PackTemplate:
    """A prompt template of the pack. The `variables` are definitions as `Variable.to_dict` writes them."""

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
    syntax: int = NEWEST


@dataclass(frozen=True, kw_only=True)
class PackItem:
    """One conversation of the plan. `parameters` fill the template's variables; `topic` has its own field."""

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
    """A domain to start from. Packs are cached and shared, so they must not be changed."""

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
    entry = _TomlEntry("pack.toml", "", _read_toml(folder, "pack.toml"))
    about = {key: entry.text(key) for key in ("title", "prefix", "language")}
    entry.refuse_others()
    if "prefix" in entry.table and not _PREFIX.fullmatch(about["prefix"]):
        entry.add_problem(
            "prefix must be 1 to 10 lower-case letters or digits, a letter first; ids begin with it"
        )
    _raise_if_any(entry.problems)
    return about


def _read_options(folder: Traversable) -> dict[str, tuple[Option, ...]]:
    file = "options.toml"
    table = _TomlEntry(file, "", _read_toml(folder, file))
    options: dict[str, tuple[Option, ...]] = {}
    problems: list[str] = []
    for name in (*OPTION_LISTS, *(each for each in FREE_LISTS if each in table.table)):
        entries = table.entries(name, singular=name.removesuffix("s"))
        options[name] = tuple(
            Option(name=entry.text("name"), description=entry.text("description")) for entry in entries
        )
        for entry in entries:
            entry.refuse_others()
            problems += entry.problems
        problems += _find_repeats(file, name, [option.name for option in options[name]])
    table.refuse_others()
    _raise_if_any(table.problems + problems)
    return options


def _read_templates(folder: Traversable, *, language: str) -> tuple[PackTemplate, ...]:
    file = "templates.toml"
    table = _TomlEntry(file, "", _read_toml(folder, file))
    entries = table.entries("template", singular="template")
    templates = tuple(_read_template_entry(entry, language=language) for entry in entries)
    table.refuse_others()
    problems = table.problems + [problem for entry in entries for problem in entry.problems]
    _raise_if_any(problems + _find_repeats(file, "template", [template.name for template in templates]))
    return templates


def read_template(given: bytes, *, file: str) -> PackTemplate:
    """The one template of an uploaded file. Its system prompts may be left out. Raises PackError."""
    table = _TomlEntry(file, "", _parse_toml(given, file))
    entries = table.entries("template", singular="template")
    if len(entries) > 1:
        table.add_problem(f"holds {len(entries)} templates; give one [[template]] a file")
    templates = [_read_template_entry(entry, language="en", prompts="") for entry in entries]
    table.refuse_others()
    _raise_if_any(table.problems + [problem for entry in entries for problem in entry.problems])
    return templates[0]


def _read_template_entry(entry: "_TomlEntry", *, language: str, prompts: str | None = None) -> PackTemplate:
    template = PackTemplate(
        name=entry.text("name"),
        tier=entry.text("tier"),
        text=entry.text("text"),
        system_prompt=entry.text("system_prompt", default=prompts),
        training_system_prompt=entry.text("training_system_prompt", default=prompts),
        language=entry.text("language", default=language),
        model=entry.text("model", default=""),
        turns_min=entry.whole("turns_min"),
        turns_max=entry.whole("turns_max"),
        syntax=entry.whole("syntax") or NEWEST,  # only exported older versions name one
        variables=[variable.to_dict() for variable in _read_variables(entry)],
    )
    entry.refuse_others()
    if template.tier not in TIERS:
        entry.add_problem(f"tier must be one of {', '.join(TIERS)}, not '{template.tier}'")
    if template.syntax in SYNTAXES:
        _check_text(entry, template)
    else:
        entry.add_problem(f"syntax must be {' or '.join(map(str, SYNTAXES))}, or left out")
    return template


def _read_variables(entry: "_TomlEntry") -> list[Variable]:
    variables = []
    for definition in entry.tables("variables"):
        try:
            variables.append(Variable.from_dict(definition))
        except VariableError as exc:
            for problem in exc.problems:
                entry.add_problem(f"variable {problem}")
    for name, count in Counter(variable.name for variable in variables).items():
        if count > 1:
            entry.add_problem(f"variable '{name}' is defined {count} times")
    return variables


def _check_text(entry: "_TomlEntry", template: PackTemplate) -> None:
    variables = [Variable.from_dict(definition) for definition in template.variables]
    for key, text in (("text", template.text), ("system_prompt", template.system_prompt)):
        try:
            names = find_undeclared(text, variables, syntax=template.syntax)
        except TemplateSyntax as exc:
            entry.add_problem(f"{key}, {exc}")
            continue
        for name in names:
            entry.add_problem(f"{key} uses {{{{{name}}}}}, which is not among its variables")


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
    table = _TomlEntry(file, "", _read_toml(folder, file))
    entries = table.entries("item", singular="item")
    by_name = {template.name: template for template in templates if template.tier == tier}
    items = tuple(_read_item(entry, tier, templates=by_name, options=options) for entry in entries)
    table.refuse_others()
    _raise_if_any(table.problems + [problem for entry in entries for problem in entry.problems])
    return items


def _read_item(
    entry: "_TomlEntry",
    tier: str,
    *,
    templates: Mapping[str, PackTemplate],
    options: Mapping[str, tuple[Option, ...]],
) -> PackItem:
    item = PackItem(
        tier=tier,
        template=entry.text("template", default=next(iter(templates), "")),
        topic=entry.text("topic"),
        category=entry.texts("category"),
        parameters=entry.remaining_texts(),
    )
    for field, list_name in _LIST_OF_FIELD.items():
        value = item.parameters.get(field)
        if value is not None and value not in {option.name for option in options[list_name]}:
            entry.add_problem(f"{field} '{value}' is not in the list '{list_name}' of options.toml")
    _check_values(entry, item, template=templates.get(item.template))
    return item


def _check_values(entry: "_TomlEntry", item: PackItem, *, template: PackTemplate | None) -> None:
    if template is None:
        entry.add_problem(f"templates.toml has no template '{item.template}' of tier '{item.tier}'")
        return
    try:
        variables = [Variable.from_dict(d) for d in template.variables]
        render(template.text, resolve(variables, item.values), syntax=template.syntax)
    except ValuesError as exc:
        for problem in exc.problems:
            entry.add_problem(str(problem))


class _TomlEntry:
    """One table of a TOML file. It returns its fields and collects the problems, with the file and the entry."""

    def __init__(self, file: str, label: str, table: Mapping[str, Any]) -> None:
        self.file, self.label, self.table = file, label, table
        self.taken: set[str] = set()
        self.problems: list[str] = []

    def add_problem(self, message: str) -> None:
        self.problems.append(
            f"{self.file}, {self.label}: {message}" if self.label else f"{self.file}: {message}"
        )

    def text(self, key: str, *, default: str | None = None) -> str:
        self.taken.add(key)
        value = self.table.get(key, default)
        if isinstance(value, str) and (value.strip() or key not in self.table):
            return value
        self.add_problem(
            f"'{key}' is missing" if value is None else f"'{key}' must be text that is not empty"
        )
        return ""

    def whole(self, key: str) -> int | None:
        """A whole number, or None if the key is missing."""
        self.taken.add(key)
        value = self.table.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.add_problem(f"'{key}' must be a whole number, without quotes")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        self.taken.add(key)
        value = self.table.get(key, [])
        if isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value):
            return tuple(value)
        self.add_problem(f"'{key}' must be a list of words")
        return ()

    def tables(self, key: str) -> list[dict[str, Any]]:
        self.taken.add(key)
        value = self.table.get(key, [])
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return value
        self.add_problem(f"'{key}' must be a list of tables")
        return []

    def entries(self, key: str, *, singular: str) -> list["_TomlEntry"]:
        tables = self.tables(key)
        if not tables and not self.problems:
            self.add_problem(f"'{key}' needs at least one entry, written [[{key}]]")
        return [
            _TomlEntry(self.file, _label_entry(singular, number, table), table)
            for number, table in enumerate(tables, 1)
        ]

    def remaining_texts(self) -> dict[str, str]:
        keys = [key for key in self.table if key not in self.taken]
        return {key: self.text(key) for key in keys}

    def refuse_others(self) -> None:
        for key in self.table:
            if key not in self.taken:
                self.add_problem(f"unknown key '{key}'; known are {', '.join(sorted(self.taken))}")


def _label_entry(singular: str, number: int, table: Mapping[str, Any]) -> str:
    name = table.get("name", table.get("topic"))
    return f"{singular} {number} ('{name}')" if isinstance(name, str) else f"{singular} {number}"


def _read_toml(folder: Traversable, file: str) -> dict[str, Any]:
    try:
        return _parse_toml((folder / file).read_bytes(), file)
    except FileNotFoundError as exc:
        raise PackError([f"{file}: the file is missing from the pack '{folder.name}'"]) from exc


def _parse_toml(given: bytes, file: str) -> dict[str, Any]:
    try:
        text = decode_text(given).text
        if NOT_UTF8.search(text):
            text = given.decode("utf-8")  # raises, with the place of the byte
        return read_toml(text)
    except (RowsError, UnreadableTOML) as exc:
        raise PackError([f"{file}: {exc}"]) from exc
    except UnicodeDecodeError as exc:
        raise PackError([f"{file}: the file must be UTF-8 text ({exc.reason} at byte {exc.start})"]) from exc


def _find_repeats(file: str, kind: str, names: Sequence[str]) -> list[str]:
    counts = Counter(name for name in names if name)
    return [f"{file}, {kind}: '{name}' is there {count} times" for name, count in counts.items() if count > 1]


def _raise_if_any(problems: Sequence[str]) -> None:
    if problems:
        raise PackError(problems)
