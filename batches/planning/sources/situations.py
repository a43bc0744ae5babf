"""The plan of stored situations (scenarios and edge cases), chosen by id or by tag."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from batches.planning.plan import (
    PlanError,
    PlannedItem,
    find_published_versions,
    move_rest_to_details,
    plan_situation,
)
from batches.planning.sources.matrix import Choice
from batches.planning.sources.matrix_plan import options_of
from lib.row_problems import RowProblem
from templates_app.models import EdgeCase, OptionKind, Scenario, Situation
from templates_app.states import Tier
from workspaces.models import Workspace

KINDS = (Scenario, EdgeCase)


def situation_plan(
    workspace: Workspace,
    *,
    scenario_ids: Collection[UUID] | None = None,
    edge_case_ids: Collection[UUID] | None = None,
    tags: Sequence[str] = (),
    tiers: Collection[str] = (Tier.SCENARIO, Tier.EDGE_CASE),
) -> list[PlannedItem]:
    """One item for each chosen situation: scenarios first, then edge cases, each in the order of its list.

    Without ids: all situations of these tiers that have one of the tags and are not archived. Values for which the
    template has no variable become details, and so do the option lists' descriptions of the values. Raises PlanError.
    """
    problems: list[RowProblem] = []
    found: list[Situation] = []
    for model, ids, column in (
        (Scenario, scenario_ids, "scenarioIds"),
        (EdgeCase, edge_case_ids, "edgeCaseIds"),
    ):
        if model.tier not in tiers or (
            ids is None and (scenario_ids is not None or edge_case_ids is not None)
        ):
            continue
        found += _rows(workspace, model, ids, tags, column, problems)
    if scenario_ids is None and edge_case_ids is None:
        carried = {tag for each in found for tag in each.tags}
        problems += [
            RowProblem(None, "tags", f"There is no scenario or edge case with the tag {tag!r}.")
            for tag in dict.fromkeys(tags)
            if tag not in carried
        ]
    if not found and not problems:
        problems.append(RowProblem(None, "tags", "There is no scenario or edge case."))
    versions = find_published_versions(workspace)
    items = []
    for each in found:
        try:
            items.append(plan_situation(each, versions))
        except PlanError as wrong:
            problems += wrong.problems
    if problems:
        raise PlanError(problems)
    described = options_of(workspace, OptionKind.values)
    return [_add_details(item, described) for item in items]


def _rows(
    workspace: Workspace,
    model: Any,
    ids: Collection[UUID] | None,
    tags: Sequence[str],
    column: str,
    problems: list[RowProblem],
) -> list[Situation]:
    rows = model.objects.filter(workspace=workspace).usable().tagged(list(tags)).select_related("template")
    if ids is None:
        return list(rows)
    found = list(rows.filter(pk__in=set(ids)))
    missing = set(ids) - {each.pk for each in found}
    problems += [
        RowProblem(None, column, f"{key} is not there, archived, or without such a tag.")
        for key in sorted(missing, key=str)
    ]
    return found


def _add_details(item: PlannedItem, described: Mapping[tuple[str, str], Choice]) -> PlannedItem:
    values = item.parameters
    words = {
        kind: described[kind, str(values[kind])].description
        for kind in OptionKind.values
        if (kind, str(values.get(kind))) in described
    }
    told = replace(item, details={name: text for name, text in words.items() if text})
    return move_rest_to_details(told)
