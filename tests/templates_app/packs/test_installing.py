"""A pack's rows in a workspace: made once, renewed while nobody has touched them, never made again."""

from dataclasses import replace
from typing import Any

import pytest

from templates_app.models import EdgeCase, Option, OptionKind, PromptTemplate, Scenario
from templates_app.packs.installing import install_entries, install_pack
from templates_app.packs.pack import Pack, load_pack
from tests.factories import make_option, make_scenario, make_workspace
from workspaces.models import User, Workspace

FURNISH_WORKSPACE = ["templates_app.packs.installing.install_pack"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    found = make_workspace()
    install_pack(found)
    return found


def everything(workspace: Workspace) -> list[list[dict[str, Any]]]:
    return [
        list(model.objects.filter(workspace=workspace).order_by("pk").values())
        for model in (Scenario, EdgeCase, Option)
    ]


def with_context(pack: Pack, context: str) -> Pack:
    """The pack with another context in its first scenario."""
    at = next(number for number, item in enumerate(pack.items) if item.tier == "scenario")
    changed = replace(pack.items[at], parameters={**pack.items[at].parameters, "context": context})
    return replace(pack, items=(*pack.items[:at], changed, *pack.items[at + 1 :]))


def test_the_whole_pack_is_there(workspace: Workspace) -> None:
    assert Scenario.objects.filter(workspace=workspace).count() == 35
    assert EdgeCase.objects.filter(workspace=workspace).count() == 15
    kinds = Option.objects.filter(workspace=workspace).values_list("kind", flat=True)
    assert set(kinds) == set(OptionKind.values)
    pack = load_pack()
    first = Scenario.objects.filter(workspace=workspace)[0]
    item = next(item for item in pack.items if item.tier == "scenario")
    assert (first.values(), tuple(first.tags)) == (item.values, item.category)
    assert first.template == PromptTemplate.objects.get(workspace=workspace, name=item.template)
    assert first.is_unchanged_since_its_pack


def test_bringing_it_again_changes_nothing(workspace: Workspace) -> None:
    before = everything(workspace)
    assert install_pack(workspace) == 0
    assert everything(workspace) == before


def test_what_a_person_changed_stays(workspace: Workspace) -> None:
    renamed, edited, archived = Scenario.objects.filter(workspace=workspace)[:3]
    Scenario.objects.filter(pk=renamed.pk).update(name="Mine now")
    Scenario.objects.filter(pk=edited.pk).update(context="Shorter.")
    archived.archive(by=None)
    Option.objects.filter(workspace=workspace, name="Gig Worker").update(name="Courier")
    before = everything(workspace)
    assert install_entries(workspace, with_context(load_pack(), "New words."), by=None) == 0
    assert everything(workspace) == before


def test_a_changed_pack_renews_what_nobody_has_touched(workspace: Workspace) -> None:
    pack = with_context(load_pack(), "New words.")
    assert install_entries(workspace, pack, by=None) == 1
    first = Scenario.objects.filter(workspace=workspace)[0]
    assert (first.context, first.is_unchanged_since_its_pack) == ("New words.", True)
    assert install_entries(workspace, pack, by=None) == 0


def test_a_taken_name_gets_a_number() -> None:
    workspace = make_workspace()
    pack = load_pack()
    topic = next(item.topic for item in pack.items if item.tier == "scenario")
    make_scenario(workspace=workspace, name=topic.upper())
    make_option(workspace=workspace, name="Gig Worker", description="mine")
    install_pack(workspace)
    assert Scenario.objects.get(workspace=workspace, pack_key=topic).name == f"{topic} 2"
    names = Option.objects.filter(workspace=workspace, name__startswith="Gig Worker")
    assert set(names.values_list("name", flat=True)) == {"Gig Worker", "Gig Worker 2"}
    assert install_pack(workspace) == 0


def test_a_person_made_while_the_product_runs_has_the_pack(settings: Any) -> None:
    settings.FURNISH_WORKSPACE = FURNISH_WORKSPACE
    user = User.objects.create_user("late")
    assert Scenario.objects.filter(workspace=user.personal_workspace()).count() == 35
    assert PromptTemplate.objects.filter(workspace=user.personal_workspace()).usable().count() == 3
