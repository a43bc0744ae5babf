"""The plan that the body of a request describes, and the recipe that a draft of it stores."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from batches.actions.drafts import save_draft
from batches.models import BatchJob
from batches.models.states import ErrorHandling, Priority
from batches.planning.diversity import diversify
from batches.planning.plan import PlanError, PlannedItem
from batches.planning.recipe import plan_from
from batches.planning.sources.details import add_details, check_details, list_problems
from batches.planning.sources.listed import ListedItem, add_shared_parameters, listed_plan, template_for
from batches.planning.sources.matrix_plan import apply_options
from batches.planning.sources.matrix_wire import as_json, matrix_of
from lib.row_problems import RowProblem, RowsError
from workspaces.models import RequestKey, User, Workspace

SITUATIONS = ("scenarioIds", "edgeCaseIds", "tags")


class BodyPlan(NamedTuple):
    workspace: Workspace
    plan: list[PlannedItem]
    recipe: dict[str, Any]


def plan_from_body(given: Mapping[str, Any], *, by: User) -> BodyPlan:
    """The plan in the workspace of its template, else in the personal one. Raises PlanError with all problems."""
    check_details(given["details"])
    if given["matrix"] is not None:
        return _plan_matrix(given, by=by)
    if given["templateId"] is not None:
        return _plan_listed(given, by=by)
    workspace = by.working_workspace()
    recipe = {**_build_common_recipe(given), **_build_recipe(given)}
    plan = plan_from(recipe, workspace, by=by)
    if given["conversationIds"] is not None:
        check_tiers(plan, given["tier"])
    return BodyPlan(workspace, add_shared_parameters(plan, given["sharedParameters"]), recipe)


def _build_common_recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {} if given["diversity"] is None else {"diversity": given["diversity"]}
    return {"seed": given["seed"], "details": dict(given["details"]), **chosen}


def _build_recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    if given["conversationIds"] is not None:
        return {"kind": "chosen", "conversations": list(map(str, given["conversationIds"]))}
    if any(given[name] is not None for name in SITUATIONS):
        ids = {"scenarios": given["scenarioIds"], "edge_cases": given["edgeCaseIds"]}
        named = {name: None if keys is None else list(map(str, keys)) for name, keys in ids.items()}
        tiers = {} if given["tier"] is None else {"tiers": [given["tier"]]}
        return {"kind": "situations", **named, "tags": given["tags"] or [], **tiers}
    return {"kind": "starter", "tiers": [given["tier"]] if given["tier"] else []}


def _plan_matrix(given: Mapping[str, Any], *, by: User) -> BodyPlan:
    version = template_for(by, given["templateId"])
    try:
        matrix = matrix_of(given["matrix"], seed=given["seed"] or 0)
    except RowsError as wrong:
        raise PlanError(wrong.problems) from wrong
    weighted = {
        axis["name"]: {
            each["value"] for each in axis.get("values", []) if isinstance(each, dict) and "weight" in each
        }
        for axis in given["matrix"].get("axes", [])
    }
    matrix = apply_options(version.workspace, matrix, weighted=weighted)
    recipe = {
        **_build_common_recipe(given),
        "kind": "matrix",
        "template": str(version.template_id),
        "matrix": as_json(matrix),
        "values": dict(given["sharedParameters"]),
    }
    plan = plan_from(recipe, version.workspace, by=by)
    check_tiers(plan, given["tier"])
    return BodyPlan(version.workspace, plan, recipe)


def check_tiers(plan: Sequence[PlannedItem], tier: str | None) -> None:
    """Raises PlanError when these items have another tier than the body says: it would be ignored."""
    others = sorted({item.tier for item in plan} - {tier}) if tier else []
    if others:
        problem = f"The tier of these conversations is {' or '.join(others)}, and not {tier}. Leave tier out."
        raise PlanError([RowProblem(None, "tier", problem)])


def _plan_listed(given: Mapping[str, Any], *, by: User) -> BodyPlan:
    version = template_for(by, given["templateId"])
    items = [ListedItem(**item) for item in given["items"]]
    wrong = [
        problem for row, item in enumerate(items, start=1) for problem in list_problems(item.details, row=row)
    ]
    if wrong:
        raise PlanError(wrong)
    plan = listed_plan(version, items, tier=given["tier"] or "", seed=given["seed"])
    plan = add_shared_parameters(plan, given["sharedParameters"])
    plan = list(add_details(plan, given["details"]))
    if given["diversity"]:
        plan = diversify(plan, seed=given["seed"] or 0)
    return BodyPlan(version.workspace, plan, {**_build_common_recipe(given), "kind": "listed"})


def save_as_draft(found: BodyPlan, given: Mapping[str, Any], *, by: User, key: RequestKey | None) -> BatchJob:
    """Store the plan as a draft, which can be looked at and started on its page."""
    return save_draft(
        workspace=found.workspace,
        plan=found.plan,
        by=by,
        name=given["name"],
        recipe=found.recipe,
        concurrency=given.get("concurrentProcessing"),
        error_handling=ErrorHandling(given["errorHandling"]),
        priority=Priority.of(given["priority"]),
        shared_parameters=given["sharedParameters"],
        idempotency_key=key,
    )
