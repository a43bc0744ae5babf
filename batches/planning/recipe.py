"""Recipes: what a plan is made from, as a draft stores it. The same recipe and the same data give the same plan."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args
from uuid import UUID

from batches.planning.diversity import diversify
from batches.planning.plan import PlanError, PlannedItem, cut, starter_plan
from batches.planning.sources.chosen import chosen_plan
from batches.planning.sources.csv_file import csv_plan
from batches.planning.sources.details import add_details
from batches.planning.sources.listed import template_for
from batches.planning.sources.matrix_plan import matrix_plan
from batches.planning.sources.matrix_wire import matrix_of
from batches.planning.sources.situations import situation_plan
from lib.row_problems import RowProblem, RowsError
from templates_app.states import Tier
from workspaces.models import User, Workspace

Kind: TypeAlias = Literal["starter", "matrix", "situations", "csv", "chosen"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Kinds of plans whose items differ in a few words only. They get drawn details by default; items of the others differ enough.
DIVERSE = ("matrix", "situations")


def plan_from(
    recipe: Mapping[str, Any],
    workspace: Workspace,
    *,
    by: User,
    upload: bytes | None = None,
    notes: list[str] | None = None,
) -> list[PlannedItem]:
    """The plan of a recipe, numbered from 1. Raises PlanError.

    `upload`: the content of the file, for the kind `csv`. Sentences that tell how it was read are added to `notes`.
    """
    seed = recipe.get("seed")
    items = _make_items(recipe, workspace, by=by, upload=upload, notes=notes)
    made = add_details(items, recipe.get("details") or {})
    if recipe.get("diversity", recipe["kind"] in DIVERSE):
        made = diversify(made, seed=seed or 0)
    return cut(made, limit=recipe.get("limit"), seed=seed)


def _make_items(
    recipe: Mapping[str, Any],
    workspace: Workspace,
    *,
    by: User,
    upload: bytes | None,
    notes: list[str] | None,
) -> list[PlannedItem]:
    kind: Kind = recipe["kind"]
    if kind == "starter":
        return starter_plan(workspace, tiers=recipe.get("tiers") or None)
    if kind == "matrix":
        return _matrix(recipe, by=by)
    if kind == "situations":
        return situation_plan(
            workspace,
            scenario_ids=_ids(recipe, "scenarios"),
            edge_case_ids=_ids(recipe, "edge_cases"),
            tags=recipe.get("tags") or (),
            tiers=recipe.get("tiers") or (Tier.SCENARIO, Tier.EDGE_CASE),
        )
    if kind == "chosen":
        return chosen_plan(workspace, _ids(recipe, "conversations") or [])
    if upload is None:
        raise PlanError([RowProblem(None, "file", "Choose the file: it is read, and not kept.")])
    return csv_plan(
        workspace,
        upload,
        default_tier=recipe.get("tier") or "template",
        template=recipe.get("template_name") or None,
        sheet=recipe.get("sheet") or "",
        notes=notes,
    )


def _matrix(recipe: Mapping[str, Any], *, by: User) -> list[PlannedItem]:
    version = template_for(by, UUID(recipe["template"]))
    try:
        matrix = matrix_of(recipe["matrix"], seed=recipe.get("seed") or 0)
    except RowsError as wrong:
        raise PlanError(wrong.problems) from wrong
    return matrix_plan(version, matrix, values=recipe.get("values") or {}, diversity=False)


def _ids(recipe: Mapping[str, Any], name: str) -> list[UUID] | None:
    given = recipe.get(name)
    return None if given is None else [UUID(str(each)) for each in given]
