"""The plan of a batch: which conversations will be made, checked completely before anything is stored or spent."""

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


class PlanError(RowsError):
    """The plan cannot be started; carries every problem that was found."""


@dataclass(frozen=True, kw_only=True)
class PlannedItem:
    """One conversation to be made. `parameters` fill the template's variables, topic included; `details` follow its text."""

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
        """What would be asked. Raises ValuesError."""
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

    Scenarios and edge cases are the workspace's rows of the pack: one that a person has edited or archived is planned
    as it is now, or not at all. With a seed the order is shuffled, the same for the same seed; `limit` then takes the
    first N.
    """
    versions = published_versions(workspace)
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
    """How many items the starter plan has of each tier."""
    templates = sum(item.tier == Tier.TEMPLATE for item in load_pack().items)
    rows = {tier.value: _starter_rows(workspace, tier).count() for tier in (Tier.SCENARIO, Tier.EDGE_CASE)}
    return {Tier.TEMPLATE.value: templates, **rows}


def _starter_items(
    workspace: Workspace, tier: Tier, versions: Mapping[str, TemplateVersion], problems: list[RowProblem]
) -> Iterator[PlannedItem]:
    if tier == Tier.TEMPLATE:
        for item in load_pack().items:
            if item.tier == tier and (version := versions.get(item.template)):
                yield _planned(item, version)
            elif item.tier == tier:
                message = f"The starter template {item.template!r} is missing: run `./run manage prepare`."
                problems.append(RowProblem(None, "template", message))
        return
    for row in _starter_rows(workspace, tier).select_related("template"):
        try:
            yield planned_situation(row, versions)
        except PlanError as wrong:
            problems += wrong.problems


def _starter_rows(workspace: Workspace, tier: Tier) -> SituationQuerySet:
    model = Scenario if tier == Tier.SCENARIO else EdgeCase
    return model.objects.filter(workspace=workspace, pack=load_pack().name).usable()


def _planned(item: PackItem, version: TemplateVersion) -> PlannedItem:
    return PlannedItem(
        position=1,
        tier=item.tier,
        version=version,
        topic=item.topic,
        parameters={"topic": item.topic, **item.parameters},
        category=tuple(item.category),
    )


def planned_situation(row: Situation, versions: Mapping[str, TemplateVersion]) -> PlannedItem:
    """A scenario or an edge case as an item, of its own template or else the newest of its tier. Raises PlanError.

    `versions` are those of `published_versions`, by name.
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
    """Shuffle by seed, take the first `limit`, number them from 1."""
    ordered = list(items)
    if seed is not None:
        random.Random(seed).shuffle(ordered)  # noqa: S311
    return [replace(item, position=position) for position, item in enumerate(ordered[:limit], start=1)]


def published_versions(workspace: Workspace) -> dict[str, TemplateVersion]:
    """The newest published version of each usable template of a workspace, by the template's name."""
    templates = PromptTemplate.objects.filter(workspace=workspace).usable()
    newest = (
        TemplateVersion.objects.filter(template__in=templates, published_at__isnull=False)
        .select_related("template")
        .order_by("template_id", "-number")
        .distinct("template_id")
    )
    return {version.template.name: version for version in newest}


def check(items: Sequence[PlannedItem], *, model: str, max_tokens: int) -> list[Request]:
    """Every item's request, in order. Raises PlanError with all problems of all items at once."""
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
