"""The starter plan: the pack's template items, and the workspace's own rows of its scenarios and edge cases."""

import hashlib
import json

import pytest

from batches.planning.plan import PlanError, PlannedItem, starter_plan, starter_sizes
from templates_app.models import EdgeCase, PromptTemplate, Scenario
from templates_app.states import Tier
from tests.factories import make_scenario, make_template, make_workspace
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
# Of all 90 items as 0.1.0 made them: order, tier, prompt, system prompt, values, categories.
AS_EVER = "8cd54ab86a024219f25bccf8a9f60b8b4c868322fa7ffc1e1eff16c9411280a2"


@pytest.fixture
def workspace() -> Workspace:
    found = make_workspace()
    bring_starter_pack(found)
    return found


def bytes_of(item: PlannedItem) -> bytes:
    request = item.request(model="claude-sonnet-5-5", max_tokens=8192)
    return json.dumps(
        [
            *(item.position, item.tier, item.topic, item.persona, item.emotion, request.prompt),
            *(request.system, dict(item.parameters), list(item.category), dict(item.details)),
        ],
        sort_keys=True,
    ).encode()


def test_the_90_items_are_those_of_0_1_0_to_the_byte(workspace: Workspace) -> None:
    plan = starter_plan(workspace)
    assert len(plan) == 90
    assert hashlib.sha256(b"\n".join(map(bytes_of, plan))).hexdigest() == AS_EVER


def test_tiers_limit_and_seed(workspace: Workspace) -> None:
    assert [item.tier for item in starter_plan(workspace, tiers=["edge_case"])] == ["edge_case"] * 15
    assert starter_sizes(workspace) == {"template": 40, "scenario": 35, "edge_case": 15}
    shuffled = starter_plan(workspace, seed=7, limit=9)
    assert list(map(bytes_of, shuffled)) == list(map(bytes_of, starter_plan(workspace, seed=7, limit=9)))
    assert [item.position for item in shuffled] == list(range(1, 10))


def test_an_edited_an_archived_and_a_moved_scenario_change_the_plan(workspace: Workspace) -> None:
    first, second, third = Scenario.objects.filter(workspace=workspace)[:3]
    Scenario.objects.filter(pk=first.pk).update(topic="selling the mill", tags=["mill"])
    second.archive(by=None)
    Scenario.objects.filter(pk=third.pk).update(position=99)
    plan = starter_plan(workspace, tiers=["scenario"])
    assert (plan[0].topic, plan[0].category) == ("selling the mill", ("mill",))
    assert "Topic: selling the mill\n" in plan[0].request(model="m", max_tokens=1).prompt
    assert plan[-1].topic == third.topic
    assert second.topic not in {item.topic for item in plan}
    assert starter_sizes(workspace)["scenario"] == len(plan) == 34


def test_a_row_without_a_template_takes_the_newest_of_its_tier(workspace: Workspace) -> None:
    EdgeCase.objects.filter(workspace=workspace, position=1).update(template=None)
    make_template(workspace=workspace, name="Mine", tier=Tier.EDGE_CASE)
    plan = starter_plan(workspace, tiers=["edge_case"])
    assert [item.version.template.name for item in plan[:2]] == ["Mine", "Edge case"]


def test_a_template_that_cannot_be_used_is_named(workspace: Workspace) -> None:
    template = PromptTemplate.objects.get(workspace=workspace, name="Edge case")
    template.archive(by=None)
    EdgeCase.objects.filter(workspace=workspace, position=1).update(template=None)
    with pytest.raises(PlanError) as caught:
        starter_plan(workspace)
    assert len(caught.value.problems) == 2
    assert "There is no template of the tier edge_case" in str(caught.value)
    assert "'Edge case' of 'an online fiancé" in str(caught.value)


def test_rows_of_ones_own_are_not_in_it(workspace: Workspace) -> None:
    make_scenario(workspace=workspace)
    assert len(starter_plan(workspace)) == 90
