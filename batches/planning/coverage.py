"""Which combinations a plan covers: a grid of counts with its gaps, and what would fill them.

Only `count_coverage` asks the database.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from django.db.models import Count, F, Min
from django.db.models.fields.json import KeyTextTransform

from batches.models import BatchItem, BatchJob
from batches.planning.diversity import diversify, lists
from batches.planning.plan import PlannedItem
from batches.planning.quotas import draw_number
from batches.planning.sources.matrix import Matrix, list_open_cells
from batches.planning.sources.matrix_plan import item_of
from batches.planning.sources.matrix_wire import matrix_of
from templates_app.models import TemplateVersion

State: TypeAlias = Literal["covered", "gap", "excluded"]
MOST_ROWS, MOST_COLUMNS = 60, 30
MOST_SPOTS = 5000
LIKELY = 20  # items of a word that are tried as a pattern for a gap
DRAWN = frozenset(lists())


@dataclass(frozen=True)
class Spot:
    row: str
    column: str
    count: int
    state: State


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of counts. `lines`: its rows, in order. `more_rows`, `more_columns`: how many are left out of it."""

    rows: Sequence[str]
    columns: Sequence[str]
    lines: Sequence[Sequence[Spot]]
    more_rows: int = 0
    more_columns: int = 0

    @property
    def gaps(self) -> int:
        return sum(spot.state == "gap" for line in self.lines for spot in line)

    @property
    def covered(self) -> int:
        return sum(spot.state == "covered" for line in self.lines for spot in line)

    def gap_spots(self) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            yield from ((spot.row, spot.column) for spot in line if spot.state == "gap")


def read_matrix(job: BatchJob) -> Matrix | None:
    """The matrix that the plan of a draft was made from; None when it was made from something else."""
    if job.recipe.get("kind") != "matrix":
        return None
    return matrix_of(job.recipe["matrix"], seed=job.recipe.get("seed") or 0)


def count_coverage(job: BatchJob, pair: tuple[str, str]) -> Grid:
    """The grid of two words of the items of a job, by one query."""
    row, column = (_word(name) for name in pair)
    rows = (
        BatchItem.objects.filter(job=job)
        .order_by()
        .annotate(grid_row=row, grid_column=column)
        .values("grid_row", "grid_column")
        .annotate(n=Count("pk"), first=Min("position"))
        .order_by("first")[:MOST_SPOTS]
    )
    counts = [(str(each["grid_row"] or ""), str(each["grid_column"] or ""), each["n"]) for each in rows]
    matrix = read_matrix(job)
    names: Mapping[str, list[str]] = (
        {axis.name: [choice.name for choice in axis.choices] for axis in matrix.axes} if matrix else {}
    )
    closed = find_closed_pairs(matrix, *pair) if matrix and set(pair) <= names.keys() else set()
    return grid_of(counts, rows=names.get(pair[0], ()), columns=names.get(pair[1], ()), excluded=closed)


def _word(name: str) -> Any:
    return F(name) if name in ("tier", "topic") else KeyTextTransform(name, "parameters")


def grid_of(
    counts: Iterable[tuple[str, str, int]],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    excluded: Collection[tuple[str, str]] = (),
) -> Grid:
    """The grid of `(row, column, count)`. The given `rows` and `columns` come first, even those without any item.

    A combination without a count is a gap, unless it is in `excluded`. Items without a value for both are left out.
    """
    found: Counter[tuple[str, str]] = Counter()
    for row, column, count in counts:
        if row and column:
            found[row, column] += count
    all_rows = list(dict.fromkeys([*rows, *(row for row, _ in found)]))
    all_columns = list(dict.fromkeys([*columns, *(column for _, column in found)]))
    shown_rows, shown_columns = all_rows[:MOST_ROWS], all_columns[:MOST_COLUMNS]
    return Grid(
        rows=shown_rows,
        columns=shown_columns,
        lines=[
            [_spot(row, column, found[row, column], excluded) for column in shown_columns]
            for row in shown_rows
        ],
        more_rows=len(all_rows) - len(shown_rows),
        more_columns=len(all_columns) - len(shown_columns),
    )


def _spot(row: str, column: str, count: int, excluded: Collection[tuple[str, str]]) -> Spot:
    if count:
        return Spot(row, column, count, "covered")
    return Spot(row, column, 0, "excluded" if (row, column) in excluded else "gap")


def find_closed_pairs(matrix: Matrix, row: str, column: str) -> set[tuple[str, str]]:
    """The pairs of values of two axes that the matrix excludes completely, whatever its other axes are."""
    names = {axis.name: [choice.name for choice in axis.choices] for axis in matrix.axes}
    open_ = {(cell.values[row], cell.values[column]) for cell in list_open_cells(matrix)}
    return {(one, other) for one in names[row] for other in names[column]} - open_


def fill_by_matrix(
    matrix: Matrix,
    spots: Iterable[tuple[str, str]],
    *,
    row: str,
    column: str,
    version: TemplateVersion,
    values: Mapping[str, Any],
    diversity: bool,
) -> list[PlannedItem]:
    """One item for each gap. If other axes vary too, the matrix's seed draws one of the cells that fit."""
    cells: dict[tuple[str, str], list[Any]] = {}
    for cell in list_open_cells(matrix):
        cells.setdefault((cell.values[row], cell.values[column]), []).append(cell)
    items = [
        item_of(version, cells[spot][draw_number(matrix.seed, "fill", *spot) % len(cells[spot])], values)
        for spot in spots
        if spot in cells
    ]
    return diversify(items, seed=matrix.seed) if diversity else items


def fill_by_likeness(
    plan: Sequence[PlannedItem], spots: Iterable[tuple[str, str]], *, row: str, column: str, seed: int
) -> list[PlannedItem]:
    """One item for each gap, copied from an item of the same row (else of the same column) with the other value changed.

    Randomly drawn details are drawn again. Items whose template has no variable for the value are not copied.
    """
    shelves = {name: _by_word(plan, name) for name in (row, column)}
    by_tier = {item.tier: item.version for item in reversed(plan)}
    found = (_like(shelves, by_tier, spot, row, column) for spot in spots)
    return diversify_like_plan([made for made in found if made is not None], plan=plan, seed=seed)


def diversify_like_plan(
    items: Sequence[PlannedItem], *, plan: Sequence[PlannedItem], seed: int
) -> list[PlannedItem]:
    """The items, with randomly drawn details if the items of the plan have such details."""
    if not any(item.details.keys() >= DRAWN for item in plan):
        return list(items)
    bare = [
        replace(item, details={name: text for name, text in item.details.items() if name not in DRAWN})
        for item in items
    ]
    return diversify(bare, seed=seed)


def _by_word(plan: Sequence[PlannedItem], name: str) -> dict[str, list[PlannedItem]]:
    """The first few items for each value of an axis."""
    shelves: dict[str, list[PlannedItem]] = {}
    for item in plan:
        shelf = shelves.setdefault(word_of(item, name), [])
        if len(shelf) < LIKELY:
            shelf.append(item)
    return shelves


def _like(
    shelves: Mapping[str, Mapping[str, Sequence[PlannedItem]]],
    by_tier: Mapping[str, TemplateVersion],
    spot: tuple[str, str],
    row: str,
    column: str,
) -> PlannedItem | None:
    for has, value, wanted, word in ((row, spot[0], column, spot[1]), (column, spot[1], row, spot[0])):
        for item in shelves[has].get(value, ()):
            if (made := _with_word(item, wanted, word, by_tier)) is not None:
                return made
    return None


def word_of(item: PlannedItem, name: str) -> str:
    """The item's value on an axis of the grid: its tier, its topic, or one of its parameters."""
    if name in ("tier", "topic"):
        return str(getattr(item, name))
    return str(item.parameters.get(name) or "")


def _with_word(
    item: PlannedItem, name: str, word: str, by_tier: Mapping[str, TemplateVersion]
) -> PlannedItem | None:
    """The item with another value on an axis; None when its template has no variable for it, or no template is known."""
    if name == "tier":
        return _of_tier(item, word, by_tier)
    if name not in _names(item.version):
        return None
    changed = replace(
        item,
        parameters={**item.parameters, name: word},
        details={key: text for key, text in item.details.items() if key != name},
    )
    return replace(changed, topic=word) if name == "topic" else changed


def _of_tier(item: PlannedItem, tier: str, by_tier: Mapping[str, TemplateVersion]) -> PlannedItem | None:
    """The item in another tier, with the template of that tier's first item."""
    if tier not in by_tier:
        return None
    known = _names(by_tier[tier])
    values = {key: value for key, value in item.parameters.items() if key in known}
    return replace(item, tier=tier, version=by_tier[tier], parameters=values)


def _names(version: TemplateVersion) -> set[str]:
    return {str(each["name"]) for each in version.variables}
