"""The plan of a batch: which conversations will be made, checked completely before anything is stored or spent."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claude.messages import Request
from conversations.generation import build_request
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs import PackItem, load_pack
from templates_app.rendering import TemplateSyntax, ValuesError
from workspaces.models import Workspace
from workspaces.rows import RowProblem, RowsError

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

    With a seed the order is shuffled, the same for the same seed; `limit` then takes the first N.
    """
    versions = published_versions(workspace)
    wanted = None if tiers is None else set(tiers)
    items = [item for item in load_pack().items if wanted is None or item.tier in wanted]
    missing = sorted({item.template for item in items} - versions.keys())
    if missing:
        raise PlanError(
            [
                RowProblem(
                    None, "template", f"The starter template {name!r} is missing: run `./run manage prepare`."
                )
                for name in missing
            ]
        )
    return cut([_planned(item, versions[item.template]) for item in items], limit=limit, seed=seed)


def _planned(item: PackItem, version: TemplateVersion) -> PlannedItem:
    return PlannedItem(
        position=1,
        tier=item.tier,
        version=version,
        topic=item.topic,
        parameters={"topic": item.topic, **item.parameters},
        category=tuple(item.category),
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
