"""The page of the yield, and the same over the API."""

import pytest
from django.test import Client

from batches.models import BatchJob, Worker
from conversations.models import Conversation
from conversations.states import ReasonCode
from tests.factories import make_template, make_token, make_user
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db
PAGE, API = "/yield/", "/api/analytics/yield"


@pytest.fixture
def decided(owner: User, job: BatchJob, worker: Worker) -> list[Conversation]:
    """Two conversations that calls have made: one approved, one rejected as a leak."""
    for position in (1, 2):
        file_reply(claim_item(job, worker, position=position))
    made = list(Conversation.objects.order_by("batch_item__position"))
    made[0].approve(by=owner)
    made[1].reject(by=owner, reasons=[ReasonCode.LEAK])
    return made


def test_a_first_visit_says_what_will_stand_here(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.get(PAGE)
    assert page.status_code == 200
    assert "Nothing to count yet" in page.text


def test_the_page_shows_stages_cost_and_reasons(
    client: Client, owner: User, decided: list[Conversation]
) -> None:
    client.force_login(owner)
    page = client.get(PAGE).text
    assert "Repeats its instructions: 1" in page
    assert "1 rejected, 0 sent back, 0 undecided" in page
    template = decided[0].template_version
    assert template is not None
    chosen = client.get(PAGE, {"template": str(template.template_id)}).text
    assert "All templates" in chosen
    assert f"{PAGE}?template={template.template_id}" in client.get(f"/templates/{template.template_id}/").text
    assert "Nothing to count yet" in client.get(PAGE, {"which": "real"}).text


@pytest.mark.parametrize("template", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_template_that_is_not_there(client: Client, owner: User, template: str) -> None:
    client.force_login(owner)
    assert client.get(PAGE, {"template": template}).status_code == 404


def test_the_api_says_the_same(owner: User, decided: list[Conversation]) -> None:
    caller = Client(headers={"Authorization": f"Bearer {make_token(user=owner)}"})
    answer = caller.get(API).json()
    assert (answer["by"], answer["simulated"]) == ("template", True)
    total = answer["total"]
    assert [total[name] for name in ("asked", "generated", "approved", "rejected")] == [2, 2, 1, 1]
    assert total["costPerApprovedUsd"] == total["costUsd"] != "0"
    reasons = [each for row in answer["rows"] for each in row["reasons"]]
    assert reasons == [{"reason": "Repeats its instructions", "count": 1}]
    by_model = caller.get(API, {"by": "model"}).json()["rows"]
    assert [row["modelId"] for row in by_model] == [decided[0].model]
    assert caller.get(API, {"by": "tier", "simulated": "false"}).json()["rows"] == []


def test_wrong_words_and_another_persons_template(owner: User) -> None:
    caller = Client(headers={"Authorization": f"Bearer {make_token(user=owner)}"})
    assert caller.get(API, {"by": "day"}).status_code == 400
    theirs = make_template(workspace=make_user(username="bert").personal_workspace())
    assert caller.get(API, {"templateId": str(theirs.pk)}).status_code == 404
