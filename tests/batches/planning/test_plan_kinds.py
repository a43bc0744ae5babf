"""Plans from a matrix, from situations by tag, from drafts, with diversity and free details."""

import json
from typing import Any

import pytest

from batches.planning.checking import find_problems
from batches.planning.coverage import fill_by_likeness, fill_by_matrix, find_closed_pairs, grid_of
from batches.planning.diversity import combinations, diversify, draw_details, lists
from batches.planning.plan import PlanError, PlannedItem, starter_plan
from batches.planning.recipe import plan_from
from batches.planning.sources.matrix import Axis, Choice, Matrix
from batches.planning.sources.matrix_plan import apply_options, matrix_plan
from conversations.details import DetailsError, find_detail_problems, format_details, parse_details
from conversations.states import Status
from templates_app.models import OptionKind, PromptTemplate, TemplateVersion
from templates_app.states import Tier
from tests.factories import (
    make_conversation,
    make_edge_case,
    make_option,
    make_scenario,
    make_template,
    make_user,
)
from workspaces.models import User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return make_user()


@pytest.fixture
def place(person: User) -> Workspace:
    return person.personal_workspace()


def matrix(personas: int = 3, emotions: int = 2, **fields: Any) -> Matrix:
    axes = tuple(
        Axis(name=name, choices=tuple(Choice(name=f"{name} {number}") for number in range(size)))
        for name, size in (("persona", personas), ("emotion", emotions))
    )
    return Matrix(axes=axes, **fields)


def version_of(place: Workspace, **fields: Any) -> TemplateVersion:
    found = make_template(workspace=place, **fields).versions.select_related("template").get()
    assert isinstance(found, TemplateVersion)
    return found


def bytes_of(plan: list[PlannedItem]) -> bytes:
    """Everything that is frozen and sent."""
    requests = [item.request(model="claude-sonnet-5-5", max_tokens=8192) for item in plan]
    prompts = [(each.system, each.prompt) for each in requests]
    rows = [(i.position, i.tier, i.topic, dict(i.parameters), i.category, dict(i.details)) for i in plan]
    return json.dumps([rows, prompts], ensure_ascii=False).encode()


def test_the_same_seed_gives_the_same_bytes(place: Workspace) -> None:
    version = version_of(place)
    plans = [
        matrix_plan(version, matrix(per_cell=3, seed=seed), values={"topic": "tea"}, shuffle=seed)
        for seed in (7, 7, 8)
    ]
    assert bytes_of(plans[0]) == bytes_of(plans[1])
    assert bytes_of(plans[0]) != bytes_of(plans[2])
    assert [item.position for item in plans[0]] == list(range(1, 19))


def test_items_of_one_cell_get_different_prompts(place: Workspace) -> None:
    plan = matrix_plan(version_of(place), matrix(1, 1, per_cell=500), values={"topic": "tea"})
    prompts = {item.request(model="any", max_tokens=1).prompt for item in plan}
    assert len(prompts) == 500
    assert all(set(lists()) <= item.details.keys() for item in plan)


def test_no_draw_comes_twice_before_all_have_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"setting": ("a", "b", "c"), "register": ("d", "e"), "length": ("f", "g")}
    monkeypatch.setattr("batches.planning.diversity.lists", lambda: small)
    for seed in range(30):
        draws = [tuple(draw_details(seed=seed, cell="x", number=n).values()) for n in range(24)]
        assert len(set(draws[:12])) == 12 == combinations()
        assert draws[:12] == draws[12:]


def test_a_template_can_refuse_diversity(place: Workspace) -> None:
    version = version_of(place, diversity=False)
    plan = matrix_plan(version, matrix(per_cell=2), values={"topic": "tea"})
    assert all(not item.details for item in plan)


def test_the_starter_plans_prompts_stay_as_they_are(owner: User) -> None:
    place = owner.personal_workspace()
    plain = starter_plan(place)
    assert bytes_of(plan_from({"kind": "starter"}, place, by=owner)) == bytes_of(plain)
    varied = plan_from({"kind": "starter", "diversity": True, "seed": 3, "limit": 5}, place, by=owner)
    assert [set(lists()) <= item.details.keys() for item in varied] == [True] * 5


def test_what_an_item_says_itself_is_not_drawn(place: Workspace) -> None:
    item = PlannedItem(
        position=1,
        tier="template",
        version=version_of(place),
        topic="tea",
        parameters={"topic": "tea"},
        details={"setting": "mine"},
    )
    (found,) = diversify([item], seed=1)
    assert found.details["setting"] == "mine"
    assert "register" in found.details


def test_descriptions_of_the_option_lists_reach_the_prompt(place: Workspace) -> None:
    make_option(workspace=place, name="persona 0", description="Counts every coin.", weight="2.5")
    described = apply_options(place, matrix(1, 1), weighted={})
    assert described.axes[0].choices[0].weight == 2.5
    assert (
        apply_options(place, matrix(1, 1), weighted={"persona": {"persona 0"}}).axes[0].choices[0].weight == 1
    )
    (item,) = matrix_plan(version_of(place), described, values={"topic": "tea"}, diversity=False)
    assert "\n- persona: Counts every coin.\n" in item.request(model="any", max_tokens=1).prompt


def test_names_that_no_template_has_are_refused(place: Workspace) -> None:
    with pytest.raises(PlanError, match=r"mood: is no variable(?s:.*)persona: varies already"):
        matrix_plan(version_of(place), matrix(), values={"mood": "x", "persona": "y"})


def test_situations_by_tag_and_by_id(person: User, place: Workspace) -> None:
    make_option(workspace=place, kind=OptionKind.EMOTION, name="calm", description="Nothing hurries.")
    version_of(place, tier=Tier.SCENARIO)
    own = make_template(workspace=place, tier=Tier.EDGE_CASE)
    first = make_scenario(workspace=place, tags=["tax"], emotion="calm", context="Two jobs.", position=1)
    make_scenario(workspace=place, tags=["home"])
    edge = make_edge_case(workspace=place, tags=["tax"], template=own, expected_behaviour="Says no.")
    make_scenario(workspace=place, tags=["tax"], archived_at=own.created_at)
    make_scenario(tags=["tax"])
    plan = plan_from({"kind": "situations", "tags": ["tax"], "diversity": False}, place, by=person)
    assert [(item.topic, item.tier) for item in plan] == [
        (first.topic, "scenario"),
        (edge.topic, "edge_case"),
    ]
    assert plan[0].details == {"emotion": "Nothing hurries.", "context": "Two jobs."}
    assert plan[1].details == {"expected behaviour": "Says no."}
    assert plan[1].version.template == own
    only = plan_from({"kind": "situations", "scenarios": [str(first.pk)]}, place, by=person)
    assert [item.topic for item in only] == [first.topic]
    assert "register" in only[0].details
    with pytest.raises(PlanError, match="is not there"):
        plan_from({"kind": "situations", "edge_cases": [str(first.pk)]}, place, by=person)
    with pytest.raises(PlanError, match="no scenario or edge case with the tag 'nothing'"):
        plan_from({"kind": "situations", "tags": ["nothing"]}, place, by=person)


def test_a_situation_without_a_template_is_named(person: User, place: Workspace) -> None:
    make_scenario(workspace=place, name="Lost")
    with pytest.raises(PlanError, match="which 'Lost' needs"):
        plan_from({"kind": "situations"}, place, by=person)


def test_drafts_are_chosen(person: User, place: Workspace) -> None:
    version = version_of(place)
    draft = make_conversation(
        workspace=place,
        status=Status.DRAFT,
        template_version=version,
        topic="rent",
        parameters={"topic": "rent"},
    )
    done = make_conversation(workspace=place)
    foreign = make_conversation(status=Status.DRAFT)
    (item,) = plan_from({"kind": "chosen", "conversations": [str(draft.pk)]}, place, by=person)
    assert (item.topic, item.version, dict(item.parameters)) == ("rent", version, {"topic": "rent"})
    with pytest.raises(PlanError) as wrong:
        plan_from({"kind": "chosen", "conversations": [str(done.pk), str(foreign.pk)]}, place, by=person)
    assert [problem.message.split(" is ")[1] for problem in wrong.value.problems] == [
        "no draft: it",
        "not there.",
    ]


def test_free_details(person: User, place: Workspace) -> None:
    found = parse_details("setting: on a train\n\nlength : short: two turns")
    assert found == {"setting": "on a train", "length": "short: two turns"}
    assert parse_details(format_details(found)) == found
    with pytest.raises(DetailsError) as wrong:
        parse_details("no colon\n: x\na: b\na: c")
    assert [each.name for each in wrong.value.problems] == ["line 1", "line 2", "line 4"]
    assert str(wrong.value.problems[2]) == "line 4: 'a' is there twice; keep one"
    assert find_detail_problems({"-": "x"})
    assert find_detail_problems({"a": "x\0"})
    assert find_detail_problems({f"n{number}": "x" for number in range(31)})
    make_template(workspace=place)
    template = PromptTemplate.objects.get(workspace=place)
    recipe = {
        "kind": "matrix",
        "template": str(template.pk),
        "matrix": {"axes": [{"name": "persona", "values": ["A"]}]},
        "values": {"topic": "tea"},
        "details": found,
    }
    (item,) = plan_from(recipe, place, by=person)
    assert "\n- setting: on a train\n" in item.request(model="any", max_tokens=1).prompt


def test_gaps_and_what_fills_them(place: Workspace) -> None:
    found = matrix(3, 3, excluded=({"persona": "persona 0", "emotion": "emotion 1"},))
    version = version_of(place)
    plan = matrix_plan(version, found, values={"topic": "tea"})
    kept = [item for item in plan if item.emotion != "emotion 2"]
    counts = [(item.persona, item.emotion, 1) for item in kept]
    names = {axis.name: [c.name for c in axis.choices] for axis in found.axes}
    closed = find_closed_pairs(found, "persona", "emotion")
    assert closed == {("persona 0", "emotion 1")}
    grid = grid_of(counts, rows=names["persona"], columns=names["emotion"], excluded=closed)
    assert (grid.covered, grid.gaps) == (5, 3)
    assert set(grid.gap_spots()) == {(f"persona {n}", "emotion 2") for n in range(3)}
    filled = fill_by_matrix(
        found,
        grid.gap_spots(),
        row="persona",
        column="emotion",
        version=version,
        values={"topic": "tea"},
        diversity=True,
    )
    assert {(item.persona, item.emotion) for item in filled} == set(grid.gap_spots())
    alike = fill_by_likeness(kept, grid.gap_spots(), row="persona", column="emotion", seed=1)
    assert [dict(item.parameters) for item in alike] == [dict(item.parameters) for item in filled]
    assert all(set(lists()) <= item.details.keys() for item in alike)


def test_a_gap_of_tier_and_topic_takes_the_tiers_template(owner: User) -> None:
    plan = starter_plan(owner.personal_workspace())
    spot = ("edge_case", plan[0].topic)
    (made,) = fill_by_likeness(plan, [spot], row="tier", column="topic", seed=0)
    assert (made.tier, made.topic, made.version.template.tier) == ("edge_case", plan[0].topic, "edge_case")
    assert find_problems([made], model="any", max_tokens=1) == []
