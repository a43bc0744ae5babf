"""What scenarios, edge cases and options hold, and what the database refuses."""

import pytest
from django.db import IntegrityError, transaction

from templates_app.models import OptionKind, Scenario
from templates_app.states import Tier
from tests.factories import make_edge_case, make_option, make_scenario

pytestmark = pytest.mark.django_db


def test_its_texts_are_the_values_of_a_template() -> None:
    scenario = make_scenario(topic="a payout", persona="Widow", parameters={"age": "69", "topic": "hidden"})
    assert scenario.values() == {"age": "69", "topic": "a payout", "persona": "Widow"}
    assert (scenario.tier, make_edge_case().tier) == (Tier.SCENARIO, Tier.EDGE_CASE)


def test_tags_choose_and_the_archived_are_out() -> None:
    kept = make_scenario(tags=["farm", "land"])
    make_scenario(workspace=kept.workspace, tags=["bank"])
    assert list(Scenario.objects.usable().tagged(["land", "sea"])) == [kept]
    assert Scenario.objects.tagged([]).count() == 2


def test_a_name_is_there_once_whatever_its_case() -> None:
    first = make_scenario(name="A payout")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_scenario(workspace=first.workspace, name="a PAYOUT")
    make_edge_case(workspace=first.workspace, name="A payout")


def test_an_option_is_there_once_in_its_list() -> None:
    first = make_option(name="calm", kind=OptionKind.TONE)
    make_option(workspace=first.workspace, name="calm", kind=OptionKind.EMOTION)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_option(workspace=first.workspace, name="calm", kind=OptionKind.TONE)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_option(workspace=first.workspace, weight=-1)
