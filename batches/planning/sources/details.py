"""Details that a person gives to all items of a plan. They follow the prompt. It asks no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from batches.planning.plan import PlanError, PlannedItem
from conversations.details import find_detail_problems
from lib.row_problems import RowProblem


def check_details(details: Mapping[str, str]) -> None:
    """Raises PlanError with everything that keeps these details from being stored."""
    if problems := list_problems(details):
        raise PlanError(problems)


def list_problems(details: Mapping[str, str], *, row: int | None = None) -> list[RowProblem]:
    """What is wrong with the details of one item, or of all items when there is no row."""
    return [RowProblem(row, "details", str(problem)) for problem in find_detail_problems(details)]


def add_details(items: Iterable[PlannedItem], details: Mapping[str, str]) -> Sequence[PlannedItem]:
    """Each item with these details added. A detail that the item has itself stays as it is."""
    return [replace(item, details={**details, **item.details}) for item in items] if details else list(items)
