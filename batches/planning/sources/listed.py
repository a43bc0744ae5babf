"""The plan of items that an API request lists: all of one template, with parameters that all of them may share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied

from batches.planning.checking import find_problems
from batches.planning.plan import PlanError, PlannedItem, cut
from lib.row_problems import RowProblem
from templates_app.models import PromptTemplate, TemplateVersion
from workspaces.models import User


@dataclass(frozen=True, kw_only=True)
class ListedItem:
    """One conversation as a request lists it. An empty tier means the tier of the template."""

    topic: str
    tier: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    category: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


def template_for(user: User, template_id: UUID) -> TemplateVersion:
    """The newest published version of a template in whose workspace this person may spend money.

    Raises PlanError for what he cannot see or use, PermissionDenied for what he may only see.
    """
    template: PromptTemplate | None = (
        PromptTemplate.objects.visible_to(user).usable().filter(pk=template_id).first()
    )
    version = template.published_version() if template else None
    if template is None or version is None:
        problem = "There is no such template with a published version that you can see."
        raise PlanError([RowProblem(None, "templateId", problem)])
    if not PromptTemplate.objects.editable_by(user).contains(template):
        raise PermissionDenied
    return version


def listed_plan(
    version: TemplateVersion, items: Sequence[ListedItem], *, tier: str = "", seed: int | None = None
) -> list[PlannedItem]:
    """The items in the order of the list; with a seed they are shuffled as every plan is."""
    takes_topic = "topic" in names_of(version)
    return cut(
        [
            PlannedItem(
                position=position,
                tier=item.tier or tier or version.template.tier,
                version=version,
                topic=item.topic,
                parameters={**item.parameters, **({"topic": item.topic} if takes_topic else {})},
                category=tuple(item.category),
                details=item.details,
            )
            for position, item in enumerate(items, start=1)
        ],
        limit=None,
        seed=seed,
    )


def add_shared_parameters(plan: Sequence[PlannedItem], shared: Mapping[str, Any]) -> list[PlannedItem]:
    """The items with the shared parameters added. An item's own parameter replaces a shared one of the same name.

    Raises PlanError when a template in use has no variable of a shared name, together with the problems of the items.
    """
    problems = find_shared_problems(plan, shared)
    wrong = {problem.column.removeprefix("sharedParameters.") for problem in problems}
    fitting = {name: value for name, value in shared.items() if name not in wrong}
    merged = [replace(item, parameters={**fitting, **item.parameters}) for item in plan]
    if problems:
        raise PlanError([*problems, *problems_of(merged)])
    return merged


def find_shared_problems(plan: Sequence[PlannedItem], shared: Mapping[str, Any]) -> list[RowProblem]:
    versions = {item.version.pk: item.version for item in plan}.values() if shared else ()
    lacking = {name: [str(each) for each in versions if name not in names_of(each)] for name in shared}
    return [
        RowProblem(
            None,
            f"sharedParameters.{name}",
            f"is not a variable of {', '.join(templates)}; remove it or correct its name",
        )
        for name, templates in lacking.items()
        if templates
    ]


def problems_of(plan: Sequence[PlannedItem]) -> list[RowProblem]:
    """What is wrong with the items' values. It does not depend on the model."""
    return find_problems(plan, model="any", max_tokens=1)


def names_of(version: TemplateVersion) -> set[str]:
    return {variable.name for variable in version.typed_variables()}
