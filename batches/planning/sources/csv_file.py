"""The plan in a table: each row is a conversation, each cell a value. All problems are named with row and column."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.conf import settings

from batches.planning.checking import find_problems, size_problems
from batches.planning.plan import (
    LARGEST_PLAN,
    PlanError,
    PlannedItem,
    cut,
    find_published_versions,
)
from lib.row_problems import RowProblem, RowsError, order_problems
from lib.same_text import find_match
from lib.tables.header import MOST_SUGGESTIONS, KnownColumns, make_column_key, suggest_name
from lib.tables.limits import TableBounds, read_bounded
from lib.tables.notes import Respellings
from lib.tables.reading import Row, Table, read_table
from templates_app.models import TemplateVersion
from templates_app.packs.pack import load_pack
from templates_app.states import Tier
from templates_app.text.variables import Variable, find_option
from workspaces.models import Workspace

# Always allowed; every other column must be a variable of a template that the file uses.
ALWAYS = ("topic", "tier", "category", "template")
BOUNDS = TableBounds(bytes=20_000_000, rows=LARGEST_PLAN)
LONGEST_CATEGORY = 100
_TIERS = {make_column_key(word): value for value, label in Tier.choices for word in (value, label)}
_BETWEEN_CATEGORIES = re.compile(r"[;|]")


def csv_plan(
    workspace: Workspace,
    given: bytes | Path,
    *,
    default_tier: str = "template",
    template: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    sheet: str = "",
    notes: list[str] | None = None,
) -> list[PlannedItem]:
    """One item for each row of a file or its content, with its values byte for byte; a value of a dropdown becomes the option that it means.

    `template`: the name of the template for rows that name none; by default the starter template of the row's tier.
    `sheet` chooses a sheet of a workbook. Sentences that tell how the file was read are added to `notes`. Raises
    PlanError with the problems of all rows, grouped, even if `limit` takes only some rows. Rows are numbered as in a spreadsheet.
    """
    versions = find_published_versions(workspace)
    table = _read(given, versions=versions, sheet=sheet)
    rows = _Rows(table, versions, default_tier=default_tier, template=template)
    items = rows.items()
    problems = [*table.problems, *rows.problems, *_value_problems(items)]
    if not table.rows and not problems:
        problems = [
            RowProblem(None, "", "The file has no rows below its header: add one for each conversation.")
        ]
    if problems:
        raise PlanError(order_problems(_keep_one_of_the_topic(problems, table.header_row)))
    if notes is not None:
        notes += [*table.notes, *rows.respellings.describe()]
    return cut(items, limit=limit, seed=seed)


def find_plan_columns(versions: Mapping[str, TemplateVersion]) -> KnownColumns:
    """The columns of a plan for these templates: those that are always allowed, and each variable."""
    variables = sorted({name for version in versions.values() for name in _variables(version)})
    return KnownColumns([*ALWAYS, *(name for name in variables if name not in ALWAYS)], key="topic")


def _read(given: bytes | Path, *, versions: Mapping[str, TemplateVersion], sheet: str) -> Table:
    try:
        content = given if isinstance(given, bytes) else read_bounded(given, BOUNDS.bytes)
        return read_table(content, known=find_plan_columns(versions), bounds=BOUNDS, sheet=sheet)
    except RowsError as wrong:
        raise PlanError(wrong.problems) from wrong


@dataclass
class _Rows:
    """Turns the rows of a file into items. `problems` collects what is wrong with them."""

    table: Table
    versions: Mapping[str, TemplateVersion]
    default_tier: str
    template: str | None
    problems: list[RowProblem] = field(default_factory=list)
    respellings: Respellings = field(default_factory=Respellings)
    _variables: dict[UUID, dict[str, Variable]] = field(default_factory=dict)

    def items(self) -> list[PlannedItem]:
        """The items of all rows whose tier and template are known. Their positions are the row numbers, until the plan is cut."""
        if self.template is not None:
            found = find_match(self.template, self.versions)
            if found is None:
                self._blame(None, "template", self._unknown_template(self.template))
            self.template = found or self.template
        chosen = [
            (row, tier, self._version(row, tier)) for row in self.table.rows for tier in [self._tier(row)]
        ]
        known = self._known_columns([version for _, _, version in chosen])
        self._check_header(known)
        return [self._item(row, tier, version, known) for row, tier, version in chosen if tier and version]

    def _tier(self, row: Row) -> str | None:
        given = row.cells.get("tier", self.default_tier)
        found = _TIERS.get(make_column_key(given))
        if found is not None:
            self.respellings.add("tier", given, found)
            return found
        self._blame(
            row.number,
            "tier",
            f"{_quote(given.strip())} is not a tier; choose {', '.join(Tier.values)}, or leave it empty for {self.default_tier}.",
        )
        return None

    def _version(self, row: Row, tier: str | None) -> TemplateVersion | None:
        named = self._find_template(row.cells.get("template", ""))
        name = named or self.template or (tier and _starter_templates().get(tier)) or ""
        found = self.versions.get(name)
        if found is None and named:
            self._blame(row.number, "template", self._unknown_template(named))
        elif found is None and tier and self.template is None:
            self._blame(
                row.number,
                "template",
                f"The starter template of the tier {tier} is missing: run `./run manage prepare`, or name a template.",
            )
        return found

    def _find_template(self, given: str) -> str:
        """The name of the template that a cell means; the cell without outer spaces if there is no such template."""
        found = find_match(given, self.versions) if given else None
        if found is not None:
            self.respellings.add("template", given, found)
        return found or given.strip()

    def _known_columns(self, versions: Sequence[TemplateVersion | None]) -> set[str]:
        """The columns that may have values: the variables of the templates in use.

        If the template of a row is unknown, those of all templates, so that only the unknown template is reported.
        """
        used = {version.pk: version for version in versions if version is not None}
        if None in versions or not used:
            used = {version.pk: version for version in self.versions.values()}
        return set(ALWAYS).union(*(self._list_variables(version) for version in used.values()))

    def _list_variables(self, version: TemplateVersion) -> dict[str, Variable]:
        """The variables of a version by name. Rows share versions, so each version is asked once."""
        found = self._variables.get(version.pk)
        if found is None:
            found = self._variables[version.pk] = _variables(version)
        return found

    def _check_header(self, known: set[str]) -> None:
        columns = self.table.columns
        if "topic" not in columns:
            message = f"is missing: each row needs a topic.{suggest_name('topic', columns)}"
            self._blame(self.table.header_row, "topic", message)
        unknown = [place for place in zip(columns, self.table.labels, strict=True) if place[0] not in known]
        listed = ", ".join(sorted(known))
        for index, (name, label) in enumerate(unknown):
            guess = suggest_name(name, known) if index < MOST_SUGGESTIONS else ""
            message = f"is not known: no template used here has such a variable. Known are {listed}.{guess}"
            self._blame(self.table.header_row, label, message)

    def _item(self, row: Row, tier: str, version: TemplateVersion, known: set[str]) -> PlannedItem:
        variables = self._list_variables(version)
        if "topic" not in row.cells and "topic" in self.table.columns:
            self._blame(row.number, "topic", "is empty; each row needs a topic.")
        for name in row.cells:
            if name in known and name not in variables and name not in ALWAYS:
                self._blame(
                    row.number,
                    name,
                    f"has a value, but the template {version.template.name!r} of this row has no such variable; empty the cell.",
                )
        return PlannedItem(
            position=row.number,
            tier=tier,
            version=version,
            topic=row.cells.get("topic", ""),
            parameters={
                name: self._find_option(variables[name], value)
                for name, value in row.cells.items()
                if name in variables
            },
            category=self._category(row),
        )

    def _find_option(self, variable: Variable, value: str) -> str:
        if variable.type != "dropdown":
            return value
        found = find_option(variable, value)
        self.respellings.add(variable.name, value, found)
        return found

    def _category(self, row: Row) -> tuple[str, ...]:
        words = (word.strip() for word in _BETWEEN_CATEGORIES.split(row.cells.get("category", "")))
        found = tuple(word for word in words if word)
        for word in found:
            if len(word) > LONGEST_CATEGORY:
                self._blame(
                    row.number,
                    "category",
                    f"{_quote(word)} is longer than {LONGEST_CATEGORY} characters; words are separated by ; or |.",
                )
            elif not word.isprintable():
                self._blame(
                    row.number,
                    "category",
                    f"{_quote(word)} holds a control character or a line break; remove it.",
                )
        return found

    def _unknown_template(self, name: str) -> str:
        known = ", ".join(sorted(self.versions)) or "none"
        return f"There is no template {_quote(name)} with a published version; there are: {known}."

    def _blame(self, row: int | None, column: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, message))


@functools.cache
def _starter_templates() -> dict[str, str]:
    """The first template of each tier in the starter pack."""
    return {template.tier: template.name for template in reversed(load_pack().templates)}


def _variables(version: TemplateVersion) -> dict[str, Variable]:
    return {variable.name: variable for variable in version.typed_variables()}


def _value_problems(items: Sequence[PlannedItem]) -> list[RowProblem]:
    """What is wrong with the values by their templates: missing ones, wrong types, forbidden characters."""
    if size_problems(items):
        return []
    environment = settings.ENVIRONMENT
    return find_problems(
        items, model=environment.anthropic_model, max_tokens=environment.anthropic_max_tokens
    )


def _quote(word: str) -> str:
    return repr(word if len(word) <= 60 else word[:57] + "...")


def _keep_one_of_the_topic(problems: Sequence[RowProblem], header_row: int) -> list[RowProblem]:
    """A missing column `topic` is reported once, and not for each row."""
    if not any((each.row, each.column) == (header_row, "topic") for each in problems):
        return list(problems)
    return [each for each in problems if each.column != "topic" or each.row == header_row]
