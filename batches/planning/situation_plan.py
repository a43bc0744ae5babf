"""Plans made of stored situations: scenarios and edge cases, by id or by tag."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from batches.planning.listed_plan import names_of
from batches.planning.matrix_plan import options_of
from batches.planning.plan import PlanError, PlannedItem
from templates_app.models import EdgeCase, OptionKind, Scenario, TemplateVersion
from templates_app.situations import Situation
from workspaces.models import Workspace
from workspaces.rows import RowProblem

KINDS = (Scenario, EdgeCase)


def situation_plan(
    workspace: Workspace,
    *,
    scenario_ids: Collection[UUID] | None = None,
    edge_case_ids: Collection[UUID] | None = None,
    tags: Sequence[str] = (),
) -> list[PlannedItem]:
    """One item for each situation that was named, scenarios first, each in its own order.

    With tags alone: every usable scenario and edge case that carries one. What a template has no variable for, and what
    the option lists say about its words, follows the prompt as details. Raises PlanError.
    """
    problems: list[RowProblem] = []
    found: list[Situation] = []
    for model, ids, column in (
        (Scenario, scenario_ids, "scenarioIds"),
        (EdgeCase, edge_case_ids, "edgeCaseIds"),
    ):
        if ids is None and (scenario_ids is not None or edge_case_ids is not None):
            continue
        found += _rows(workspace, model, ids, tags, column, problems)
    if not found and not problems:
        words = f" with the tag {' or '.join(map(repr, tags))}" if tags else ""
        problems.append(RowProblem(None, "tags", f"There is no scenario or edge case{words}."))
    versions = _versions(workspace, found, problems)
    if problems:
        raise PlanError(problems)
    described = options_of(workspace, OptionKind.values)
    return [
        _item(position, each, versions[each.pk], described) for position, each in enumerate(found, start=1)
    ]


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


def _versions(
    workspace: Workspace, found: Sequence[Situation], problems: list[RowProblem]
) -> dict[UUID, TemplateVersion]:
    """The version that each situation fills: its own template's, else that of the newest template of its tier."""
    rows = (
        TemplateVersion.objects.filter(
            template__workspace=workspace, template__archived_at=None, published_at__isnull=False
        )
        .select_related("template")
        .order_by("template_id", "-number")
        .distinct("template_id")
    )
    by_template = {version.template_id: version for version in rows}
    oldest_first = sorted(
        by_template.values(), key=lambda version: (version.template.created_at, version.template_id)
    )
    by_tier = {version.template.tier: version for version in oldest_first}
    chosen = {
        each.pk: by_template.get(each.template_id) if each.template_id else by_tier.get(each.tier)
        for each in found
    }
    problems += [
        RowProblem(
            None,
            "template",
            f"{each.name!r} has no usable template: publish one of the tier {each.tier}, or choose another.",
        )
        for each in found
        if chosen[each.pk] is None
    ]
    return {key: version for key, version in chosen.items() if version is not None}


def _item(
    position: int, situation: Situation, version: TemplateVersion, described: dict[tuple[str, str], Any]
) -> PlannedItem:
    names, values = names_of(version), situation.values()
    words = {
        kind: described[kind, str(values[kind])].description
        for kind in OptionKind.values
        if (kind, str(values.get(kind))) in described
    }
    rest = {name.replace("_", " "): str(value) for name, value in values.items() if name not in names}
    return PlannedItem(
        position=position,
        tier=situation.tier,
        version=version,
        topic=situation.topic,
        parameters={name: value for name, value in values.items() if name in names},
        category=tuple(situation.tags),
        details={**{name: text for name, text in words.items() if text}, **rest},
    )
