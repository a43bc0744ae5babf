"""The plan of a batch: the conversations to be made. It is checked completely before anything is stored or spent."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claude.messages import Request
from conversations.generation import build_request
from lib.row_problems import RowProblem, RowsError
from templates_app.models import EdgeCase, PromptTemplate, Scenario, TemplateVersion
from templates_app.models.situations import Situation, SituationQuerySet
from templates_app.packs.pack import PackItem, load_pack
from templates_app.states import Tier
from templates_app.text.rendering import TemplateSyntax, ValuesError
from workspaces.models import Workspace

LARGEST_PLAN = 10_000
# A seed is stored in 64 bits.
LEAST_SEED, LARGEST_SEED = -(2**63), 2**63 - 1


class PlanError(RowsError):
    """The plan cannot be started. `problems` has every problem that was found."""


@dataclass(frozen=True, kw_only=True)
class PlannedItem:
    """One conversation to be made; `position` counts from 1.

    `parameters` fill the variables of the template, the topic included. `details` are added below its text.
    """

    position: int
    tier: str
    version: TemplateVersion
    topic: str
    parameters: Mapping[str, Any]
    category: tuple[str, ...] = field(default=())
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def persona(self) -> str:
        return str(self.parameters.get("persona") or "")

    @property
    def emotion(self) -> str:
        return str(self.parameters.get("emotion") or "")

    def request(self, *, model: str, max_tokens: int) -> Request:
        """The request that would be sent. Raises ValuesError or TemplateSyntax."""
        return build_request(
            version=self.version,
            values=self.parameters,
            model=model,
            max_tokens=max_tokens,
            details=self.details,
        )


def starter_plan(
    workspace: Workspace,
    *,
    tiers: Iterable[str] | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> list[PlannedItem]:
    """The starter pack's 90 items (40 template, 35 scenario, 15 edge case), or those of some tiers.

    Scenarios and edge cases are read from the workspace, where the pack has stored them: an edited one is planned as it is
    now, an archived one is left out. A seed shuffles the order, always in the same way; then `limit` takes the first N.
    Raises PlanError when a template is missing.
    """
    versions = find_published_versions(workspace)
    wanted = set(Tier.values) if tiers is None else set(tiers)
    problems: list[RowProblem] = []
    items = [
        planned
        for tier in Tier
        if tier in wanted
        for planned in _starter_items(workspace, tier, versions, problems)
    ]
    if problems:
        raise PlanError(list(dict.fromkeys(problems)))
    return cut(items, limit=limit, seed=seed)


def starter_sizes(workspace: Workspace) -> dict[str, int]:
    """How many items the starter plan has in each tier: tier to number."""
    templates = sum(item.tier == Tier.TEMPLATE for item in load_pack().items)
    rows = {tier.value: _starter_rows(workspace, tier).count() for tier in (Tier.SCENARIO, Tier.EDGE_CASE)}
    return {Tier.TEMPLATE.value: templates, **rows}


def _starter_items(
    workspace: Workspace, tier: Tier, versions: Mapping[str, TemplateVersion], problems: list[RowProblem]
) -> Iterator[PlannedItem]:
    if tier == Tier.TEMPLATE:
        for item in load_pack().items:
            if item.tier == tier and (version := versions.get(item.template)):
                yield _plan_pack_item(item, version)
            elif item.tier == tier:
                message = f"The starter template {item.template!r} is missing: run `./run manage prepare`."
                problems.append(RowProblem(None, "template", message))
        return
    for row in _starter_rows(workspace, tier).select_related("template"):
        try:
            yield plan_situation(row, versions)
        except PlanError as wrong:
            problems += wrong.problems


def _starter_rows(workspace: Workspace, tier: Tier) -> SituationQuerySet:
    model = Scenario if tier == Tier.SCENARIO else EdgeCase
    return model.objects.filter(workspace=workspace, pack=load_pack().name).usable()


def _plan_pack_item(item: PackItem, version: TemplateVersion) -> PlannedItem:
    return PlannedItem(
        position=1,
        tier=item.tier,
        version=version,
        topic=item.topic,
        parameters={"topic": item.topic, **item.parameters},
        category=tuple(item.category),
    )


def plan_situation(row: Situation, versions: Mapping[str, TemplateVersion]) -> PlannedItem:
    """A scenario or an edge case as an item, with its own template or else the newest one of its tier. Raises PlanError.

    `versions` are those of `find_published_versions`, by name.
    """
    if row.template is not None:
        version = versions.get(row.template.name)
        lacking = (
            f"The template {row.template.name!r} of {row.name!r} is archived or has no published version."
        )
    else:
        of_tier = [each for each in versions.values() if each.template.tier == row.tier]
        version = max(of_tier, key=lambda each: (each.template.created_at, each.template.name), default=None)
        lacking = (
            f"There is no template of the tier {row.tier} with a published version, which {row.name!r} needs."
        )
    if version is None:
        raise PlanError([RowProblem(None, "template", lacking)])
    return PlannedItem(
        position=1,
        tier=row.tier.value,
        version=version,
        topic=row.topic,
        parameters=row.values(),
        category=tuple(row.tags),
    )


def cut(items: Sequence[PlannedItem], *, limit: int | None, seed: int | None) -> list[PlannedItem]:
    """Shuffle the items if there is a seed, take the first `limit` of them, and number them from 1."""
    ordered = list(items)
    if seed is not None:
        random.Random(seed).shuffle(ordered)  # noqa: S311
    return [replace(item, position=position) for position, item in enumerate(ordered[:limit], start=1)]


def find_published_versions(workspace: Workspace) -> dict[str, TemplateVersion]:
    """The newest published version of each template of the workspace that is not archived, by the template's name."""
    templates = PromptTemplate.objects.filter(workspace=workspace).usable()
    newest = (
        TemplateVersion.objects.filter(template__in=templates, published_at__isnull=False)
        .select_related("template")
        .order_by("template_id", "-number")
        .distinct("template_id")
    )
    return {version.template.name: version for version in newest}


def check(items: Sequence[PlannedItem], *, model: str, max_tokens: int) -> list[Request]:
    """The request of every item, in order. Raises PlanError with all problems of all items."""
    problems = size_problems(items)
    requests = []
    for item in items:
        try:
            requests.append(item.request(model=model, max_tokens=max_tokens))
        except ValuesError as wrong:
            problems += [RowProblem(item.position, each.name, each.message) for each in wrong.problems]
        except TemplateSyntax as wrong:
            problems.append(
                RowProblem(item.position, "template", f"The template {item.version} does not render: {wrong}")
            )
    if problems:
        raise PlanError(problems)
    return requests


def size_problems(items: Sequence[PlannedItem]) -> list[RowProblem]:
    if not items:
        return [RowProblem(None, "", "The plan is empty: choose at least one tier or one row.")]
    if len(items) > LARGEST_PLAN:
        return [
            RowProblem(
                None,
                "",
                f"The plan has {len(items)} items; at most {LARGEST_PLAN} fit into one batch. Split it.",
            )
        ]
    return []
