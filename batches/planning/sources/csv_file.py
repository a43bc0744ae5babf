"""The plan in a CSV file: each row is a conversation, each cell a value. All problems are named with row and column."""

import difflib
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.conf import settings

from batches.planning.plan import (
    LARGEST_PLAN,
    PlanError,
    PlannedItem,
    check,
    cut,
    find_published_versions,
    size_problems,
)
from lib.csv_table import HEADER_ROW, Row, Table, label_column, read_table
from lib.row_problems import RowProblem, RowsError
from templates_app.models import TemplateVersion
from templates_app.packs.pack import load_pack
from templates_app.states import Tier
from workspaces.models import Workspace

# Always allowed; every other column must be a variable of a template that the file uses.
ALWAYS = ("topic", "tier", "category", "template")
MOST_PROBLEMS = 200
LONGEST_CATEGORY = 100
_BETWEEN_CATEGORIES = re.compile(r"[;|]")


def csv_plan(
    workspace: Workspace,
    data: bytes | BinaryIO,
    *,
    default_tier: str = "template",
    template: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> list[PlannedItem]:
    """One item for each row, with its values byte for byte.

    `template`: the name of the template for rows that name none; by default the starter template of the row's tier. Raises
    PlanError with the problems of all rows, the first 200 of them, even if `limit` takes only some rows. Rows are numbered
    as in a spreadsheet: the header is row 1.
    """
    table = _table(data if isinstance(data, bytes) else data.read())
    if len(table.rows) > LARGEST_PLAN:
        raise PlanError(
            [
                RowProblem(
                    None,
                    "",
                    f"The file has {len(table.rows):,} rows; at most {LARGEST_PLAN:,} fit into one batch. Split it.",
                )
            ]
        )
    sheet = _Sheet(table, find_published_versions(workspace), default_tier=default_tier, template=template)
    items = sheet.items()
    problems = _drop_repeated([*table.problems, *sheet.problems, *_value_problems(items)])
    if not table.rows and not problems:
        problems = [
            RowProblem(None, "", "The file has no rows below its header: add one for each conversation.")
        ]
    if problems:
        raise PlanError(_cut_to_most(problems))
    return cut(items, limit=limit, seed=seed)


def _table(content: bytes) -> Table:
    try:
        return read_table(content, key="topic")
    except RowsError as wrong:
        raise PlanError(wrong.problems) from wrong


@dataclass
class _Sheet:
    """Turns the rows of a file into items. `problems` collects what is wrong with them."""

    table: Table
    versions: Mapping[str, TemplateVersion]
    default_tier: str
    template: str | None
    problems: list[RowProblem] = field(default_factory=list)

    def items(self) -> list[PlannedItem]:
        """The items of all rows whose tier and template are known. Their positions are the row numbers, until the plan is cut."""
        if self.template is not None and self.template not in self.versions:
            self._blame(None, "template", self._unknown_template(self.template))
        chosen = [
            (row, tier, self._version(row, tier)) for row in self.table.rows for tier in [self._tier(row)]
        ]
        known = self._known_columns([version for _, _, version in chosen])
        self._check_header(known)
        return [self._item(row, tier, version, known) for row, tier, version in chosen if tier and version]

    def _tier(self, row: Row) -> str | None:
        word = row.cells.get("tier", self.default_tier).strip()
        if word in Tier.values:
            return word
        self._blame(
            row.number,
            "tier",
            f"{_quote(word)} is not a tier; choose {', '.join(Tier.values)}, or leave it empty for {self.default_tier}.",
        )
        return None

    def _version(self, row: Row, tier: str | None) -> TemplateVersion | None:
        named = row.cells.get("template", "").strip()
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

    def _known_columns(self, versions: Sequence[TemplateVersion | None]) -> set[str]:
        """The columns that may have values: the variables of the templates in use.

        If the template of a row is unknown, those of all templates, so that only the unknown template is reported.
        """
        used = [version for version in versions if version is not None]
        if len(used) < len(versions) or not used:
            used = list(self.versions.values())
        return set(ALWAYS).union(*({_variables(version) for version in used}))

    def _check_header(self, known: set[str]) -> None:
        columns = self.table.columns
        if "topic" not in columns:
            self._blame(
                HEADER_ROW, "topic", "is missing: each row needs a topic." + _did_you_mean("topic", columns)
            )
        for index, name in enumerate(columns):
            if name and name not in known:
                self._blame(HEADER_ROW, label_column(name, index), _unknown_column(name, known))

    def _item(self, row: Row, tier: str, version: TemplateVersion, known: set[str]) -> PlannedItem:
        variables = _variables(version)
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
            parameters={name: value for name, value in row.cells.items() if name in variables},
            category=self._category(row),
        )

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


def _variables(version: TemplateVersion) -> frozenset[str]:
    return frozenset(str(variable["name"]) for variable in version.variables)


def _value_problems(items: Sequence[PlannedItem]) -> list[RowProblem]:
    """What is wrong with the values by their templates: missing ones, wrong types, forbidden characters."""
    if size_problems(items):
        return []
    environment = settings.ENVIRONMENT
    try:
        check(items, model=environment.anthropic_model, max_tokens=environment.anthropic_max_tokens)
    except PlanError as wrong:
        return wrong.problems
    return []


def _unknown_column(name: str, known: set[str]) -> str:
    guess = _did_you_mean(name, known)
    return f"is not known: no template used here has such a variable. Known are {', '.join(sorted(known))}.{guess}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" Is it {_quote(by_folded[close[0]])}?" if close else ""


def _quote(word: str) -> str:
    return repr(word if len(word) <= 60 else word[:57] + "...")


def _drop_repeated(problems: Iterable[RowProblem]) -> list[RowProblem]:
    """The first problem of each cell, in the order of the file."""
    first: dict[tuple[int | None, str], RowProblem] = {}
    for problem in problems:
        first.setdefault((problem.row, problem.column or problem.message), problem)
    if (HEADER_ROW, "topic") in first:  # a missing column is reported once, and not for each row
        first = {
            place: each for place, each in first.items() if place[1] != "topic" or place[0] == HEADER_ROW
        }
    return sorted(first.values(), key=lambda problem: problem.row or 0)


def _cut_to_most(problems: Sequence[RowProblem]) -> list[RowProblem]:
    more = len(problems) - MOST_PROBLEMS
    rest = [RowProblem(None, "", f"... and {more:,} more problems.")] if more > 0 else []
    return [*problems[:MOST_PROBLEMS], *rest]
