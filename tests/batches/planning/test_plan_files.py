"""A plan from any kind of file: the same sheet gives the same items, and words that look the same mean the same."""

from pathlib import Path

import pytest

from batches.planning.plan import PlanError, PlannedItem, find_published_versions
from batches.planning.sources.csv_file import BOUNDS, csv_plan
from batches.planning.sources.csv_sample import describe_plan_columns, dump_plan_sample
from templates_app.states import Tier
from templates_app.text.rendering import Variable
from tests.factories import make_template, make_workspace
from tests.support.starter_pack import bring_starter_pack
from tests.support.workbooks import make_xlsx
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
SHEETS = Path(__file__).parents[2] / "lib" / "tables" / "sheets"
MOODS = ("wary caf\u00e9 owner", "calm", "Made up")


@pytest.fixture
def workspace() -> Workspace:
    found = make_workspace()
    bring_starter_pack(found)
    make_template(
        workspace=found,
        name="Caf\u00e9 moods",
        text="{{topic}}: {{mood}}",
        variables=(Variable("topic"), Variable("mood", "dropdown", options=MOODS)),
    )
    return found


def list_values(plan: list[PlannedItem]) -> list[tuple[int, str, str, dict[str, object]]]:
    return [(item.position, item.tier, item.topic, dict(item.parameters)) for item in plan]


def test_one_sheet_in_twelve_forms_gives_the_same_thirty_items(workspace: Workspace) -> None:
    files = sorted(path for path in SHEETS.iterdir() if path.suffix != ".md")
    assert len(files) == 12
    plans = {path.name: list_values(csv_plan(workspace, path)) for path in files}
    first = plans["comma_utf8.csv"]
    assert len(first) == 30
    assert [name for name, plan in plans.items() if plan != first] == []
    assert first[2][2] == "3: cr\u00e9dit \u00e0 la consommation"
    assert first[0][3]["context"] == "001"
    assert first[3][3]["context"] == 'She said "no",\nthen left.'


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("wary cafe\u0301 owner", MOODS[0]),
        ("calm ", "calm"),
        ("Calm", "calm"),
        ("\u00a0CALM\u00a0", "calm"),
        ("made  up", "Made up"),
    ],
)
def test_an_option_is_found_by_its_look(workspace: Workspace, cell: str, meant: str) -> None:
    notes: list[str] = []
    content = f"topic,template,mood\nrent,Caf\u00e9 moods,{cell}\n".encode()
    [item] = csv_plan(workspace, content, notes=notes)
    assert item.parameters["mood"] == meant
    assert item.request(model="claude-sonnet-5-5", max_tokens=100).prompt == f"rent: {meant}"
    assert notes == [f"1 cell was read by another spelling: {cell!r} as {meant!r} (mood)."]


def test_another_word_is_no_option(workspace: Workspace) -> None:
    with pytest.raises(
        PlanError, match="row 2, column mood: 'calmer' is not one of its options; choose from"
    ):
        csv_plan(workspace, "topic,template,mood\nrent,Caf\u00e9 moods,calmer\n".encode())


@pytest.mark.parametrize("name", ["Cafe\u0301 moods", "caf\u00e9 MOODS", " Caf\u00e9 moods "])
def test_a_template_is_found_by_its_look(workspace: Workspace, name: str) -> None:
    [item] = csv_plan(workspace, f"topic,template,mood\nrent,{name},calm\n".encode())
    assert item.version.template.name == "Caf\u00e9 moods"
    [item] = csv_plan(workspace, b"topic,mood\nrent,calm\n", template=name)
    assert item.version.template.name == "Caf\u00e9 moods"


@pytest.mark.parametrize("word", ["Edge case", "edge-case", "EDGE_CASE", " edgeCase "])
def test_a_tier_is_found_by_its_look(workspace: Workspace, word: str) -> None:
    content = f"topic,tier,context,expected behaviour\nrent,{word},facts,calm\n".encode()
    assert [item.tier for item in csv_plan(workspace, content)] == [Tier.EDGE_CASE]


def test_a_chosen_sheet(workspace: Workspace) -> None:
    book = make_xlsx({"May": [["topic"], ["rent"]], "June": [["Topic"], ["food"]]})
    notes: list[str] = []
    assert csv_plan(workspace, book, sheet="june", notes=notes)[0].topic == "food"
    assert notes == ["Columns were read by another spelling: 'Topic' as topic."]
    assert csv_plan(workspace, book)[0].topic == "rent"


def test_a_missing_value_of_many_rows_is_said_once(workspace: Workspace) -> None:
    rows = "".join(f"topic {number},scenario\n" for number in range(61))
    with pytest.raises(PlanError) as caught:
        csv_plan(workspace, f"topic,tier\n{rows}".encode())
    [problem] = caught.value.problems
    assert str(problem).startswith("61 rows (2 to 62), column context: is required; fill it in")


def test_the_sample_can_be_read_as_it_is(workspace: Workspace) -> None:
    versions = find_published_versions(workspace)
    plan = csv_plan(workspace, dump_plan_sample(versions))
    assert {item.tier for item in plan} == set(Tier.values)
    assert (
        len(
            csv_plan(
                make_workspace_with("Only"),
                dump_plan_sample(find_published_versions(make_workspace())),
                template="Only",
            )
        )
        == 1
    )


def make_workspace_with(name: str) -> Workspace:
    found = make_workspace()
    make_template(workspace=found, name=name, text="{{topic}}", variables=(Variable("topic"),))
    return found


def test_the_columns_are_those_of_the_templates(workspace: Workspace) -> None:
    columns = {each["name"]: each for each in describe_plan_columns(find_published_versions(workspace))}
    assert list(columns)[:4] == ["topic", "tier", "category", "template"]
    assert columns["topic"]["required"]
    assert columns["mood"]["about"] == "a variable of Caf\u00e9 moods; required by Caf\u00e9 moods"
    assert "required by Edge case" in columns["expected_behaviour"]["about"]


def test_a_file_over_the_bound_is_not_read_whole(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(3 * BOUNDS.bytes)
    with pytest.raises(PlanError, match="has 60,000,000 bytes; at most 20,000,000 are allowed"):
        csv_plan(workspace, path)
