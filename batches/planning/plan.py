"""The plan of a batch: the conversations to be made."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db.models import Q

from claude import current_models
from claude.current_models import RetiredModel, UnknownModel
from claude.messages import Request
from conversations.generation import build_request
from conversations.models import Conversation
from conversations.regeneration import Regeneration
from lib import clock
from lib.row_problems import RowProblem, RowsError
from lib.untrusted.json_bodies import MOST_PROBLEMS
from templates_app.models import EdgeCase, PromptTemplate, Scenario, TemplateVersion
from templates_app.models.situations import Situation, SituationQuerySet
from templates_app.packs.pack import PackItem, load_pack
from templates_app.states import Tier
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError
from templates_app.text.variables import Problem
from workspaces.models import Workspace

LARGEST_PLAN = 10_000
MOST_REASONS = 3
# A seed is stored in 64 bits.
LEAST_SEED, LARGEST_SEED = -(2**63), 2**63 - 1


class PlanError(RowsError):
    """The plan cannot be started. `problems` has every problem that was found."""


@dataclass(frozen=True)
class TemplateProblem(RowProblem):
    """A problem that can be mended in a template, whose page the message is to link to."""

    template_id: UUID | None = None
    template_name: str = ""


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
    fills: Conversation | None = None  # the draft that it fills, which keeps its ids
    regeneration: Regeneration | None = (
        None  # the version that it is to replace; None: it becomes a new conversation
    )

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
            regeneration=self.regeneration,
        )


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Items of the starter plan that cannot be made, all for the same reasons.

    `template` is the one to mend; None if it is not there at all.
    """

    count: int
    template: PromptTemplate | None
    reasons: tuple[str, ...]

    def describe(self) -> str:
        """The number and the first reasons, for people."""
        more = len(self.reasons) - MOST_REASONS
        shown = " / ".join(self.reasons[:MOST_REASONS]) + (f" / and {more} more" if more > 0 else "")
        return f"{self.count} conversation{'s' if self.count > 1 else ''} cannot be made: {shown}"


@dataclass(frozen=True, kw_only=True)
class StarterPlan:
    """The starter plan as far as it can be made, and what is left out of it."""

    items: list[PlannedItem]
    left_out: Sequence[LeftOut] = ()


def starter_plan(
    workspace: Workspace,
    *,
    tiers: Iterable[str] | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> list[PlannedItem]:
    """All items of `find_starter_items`. Raises PlanError if one of them cannot be made."""
    found = find_starter_items(workspace, tiers=tiers, limit=limit, seed=seed)
    if found.left_out:
        raise _make_left_out_error(found.left_out)
    return found.items


def find_starter_items(
    workspace: Workspace,
    *,
    tiers: Iterable[str] | None = None,
    limit: int | None = None,
    seed: int | None = None,
) -> StarterPlan:
    """The starter pack's 90 items (40 template, 35 scenario, 15 edge case), or those of some tiers.

    Scenarios and edge cases are read from the workspace, where the pack has stored them: an edited one is planned as it is
    now, an archived one is left out. A seed shuffles the order, always in the same way; then `limit` takes the first N.
    What an edited template has no variable for becomes a detail. Items whose template is archived or cannot be filled are
    left out, and told. Raises PlanError when none remains.
    """
    wanted = set(Tier.values) if tiers is None else set(tiers)
    versions = find_published_versions(workspace)
    faults: dict[tuple[str, PromptTemplate | None], list[str]] = {}
    items: list[PlannedItem] = []
    for tier in Tier:
        for item, template, reason in _starter_items(workspace, tier, versions) if tier in wanted else ():
            found = reason or (find_item_fault(item) if item else "")
            if found or item is None:
                faults.setdefault((tier, template), []).append(found)
            else:
                items.append(item)
    left_out = [
        LeftOut(count=len(reasons), template=template, reasons=tuple(dict.fromkeys(reasons)))
        for (_, template), reasons in faults.items()
    ]
    if left_out and not items:
        raise _make_left_out_error(left_out)
    return StarterPlan(items=cut(items, limit=limit, seed=seed), left_out=left_out)


def _make_left_out_error(left_out: Sequence[LeftOut]) -> PlanError:
    return PlanError([make_template_problem(each.template, each.describe()) for each in left_out])


def find_item_fault(item: PlannedItem) -> str:
    """Why the item cannot be made from its template; empty if it can."""
    try:
        if item.version.model:
            current_models.find_card(item.version.model, clock.today())
        item.request(model="any", max_tokens=1)
    except ValuesError as wrong:
        return _join(wrong.problems)
    except (TemplateSyntax, VariableError, UnknownModel, RetiredModel) as wrong:
        return str(wrong)
    return ""


def _join(problems: Sequence[Problem]) -> str:
    more = len(problems) - MOST_PROBLEMS
    return "; ".join(map(str, problems[:MOST_PROBLEMS])) + (f"; and {more} more" if more > 0 else "")


def starter_sizes(workspace: Workspace) -> dict[str, int]:
    """How many items the starter plan has in each tier: tier to number."""
    templates = sum(item.tier == Tier.TEMPLATE for item in load_pack().items)
    rows = {tier.value: _starter_rows(workspace, tier).count() for tier in (Tier.SCENARIO, Tier.EDGE_CASE)}
    return {Tier.TEMPLATE.value: templates, **rows}


def _starter_items(
    workspace: Workspace, tier: Tier, versions: Mapping[str, TemplateVersion]
) -> Iterator[tuple[PlannedItem | None, PromptTemplate | None, str]]:
    """Each item with its template, or no item and the reason why."""
    if tier == Tier.TEMPLATE:
        yield from _pack_items(workspace, versions)
        return
    for row in _starter_rows(workspace, tier).select_related("template"):
        try:
            item = move_rest_to_details(plan_situation(row, versions))
        except PlanError as wrong:
            yield None, row.template, wrong.problems[0].message
        else:
            yield item, item.version.template, ""


def _pack_items(
    workspace: Workspace, versions: Mapping[str, TemplateVersion]
) -> Iterator[tuple[PlannedItem | None, PromptTemplate | None, str]]:
    """The pack's items of the template tier. Their template is found by its key in the pack, even if it was renamed."""
    pack = load_pack()
    of_pack = {
        each.template.pack_key: each
        for each in versions.values()
        if each.template.pack == pack.name and each.template.pack_key
    }
    missing: dict[str, tuple[PromptTemplate | None, str]] = {}
    for item in pack.items:
        if item.tier != Tier.TEMPLATE:
            continue
        version = of_pack.get(item.template) or versions.get(item.template)
        if version is not None:
            yield move_rest_to_details(_plan_pack_item(item, version)), version.template, ""
            continue
        if item.template not in missing:
            missing[item.template] = _explain_missing_template(workspace, pack.name, item.template)
        yield None, *missing[item.template]


def _explain_missing_template(
    workspace: Workspace, pack: str, name: str
) -> tuple[PromptTemplate | None, str]:
    keys = Q(name=name) | Q(pack=pack, pack_key=name)
    template = PromptTemplate.objects.filter(keys, workspace=workspace).first()
    if template is None:
        return None, f"The starter template {name!r} is missing: run `./run manage prepare`."
    return template, f"The template {template.name!r} is archived or has no published version."


def move_rest_to_details(item: PlannedItem) -> PlannedItem:
    """The item with the values for which its template has no variable as details, which are added below its text."""
    names = item.version.variable_names
    rest = {
        name.replace("_", " "): str(value) for name, value in item.parameters.items() if name not in names
    }
    if not rest:
        return item
    kept = {name: value for name, value in item.parameters.items() if name in names}
    return replace(item, parameters=kept, details={**item.details, **rest})


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
        raise PlanError([make_template_problem(row.template, lacking)])
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


def make_template_problem(
    template: PromptTemplate | None, message: str, *, row: int | None = None, column: str = "template"
) -> RowProblem:
    """A problem of a template, to whose page the message is to link; without a template one of the plan."""
    if template is None:
        return RowProblem(row, column, message)
    return TemplateProblem(row, column, message, template_id=template.pk, template_name=template.name)
