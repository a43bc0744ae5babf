"""The settings page of the monthly budget: what was spent, and the limit that an owner sets."""

from decimal import Decimal

import pytest
from django.test import Client

from batches.models import BatchJob, SpendingMonth, Worker
from batches.models.states import JobStatus, Reason
from tests.factories import make_member, make_user, make_workspace
from tests.support.steps import claim_item, file_reply
from workspaces.models import Membership, User, Workspace

pytestmark = pytest.mark.django_db
PAGE = "/settings/budget/"


def test_it_shows_what_the_month_has_cost(signed_in: Client, job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker))
    month = SpendingMonth.objects.get()
    page = signed_in.get(PAGE).content.decode()
    assert f"{month.month:%B %Y}" in page
    assert "no limit" in page
    assert "Simulated" in page


def test_an_owner_sets_and_lifts_the_limit(signed_in: Client, owner: User) -> None:
    workspace = owner.personal_workspace()
    response = signed_in.post(PAGE, {"workspace": workspace.pk, "budget": "12.50"}, follow=True)
    assert "The monthly budget is saved." in response.content.decode()
    workspace.refresh_from_db()
    assert workspace.monthly_budget_usd == Decimal("12.5")
    signed_in.post(PAGE, {"workspace": workspace.pk, "budget": ""})
    workspace.refresh_from_db()
    assert workspace.monthly_budget_usd is None


@pytest.mark.parametrize("wrong", ["-1", "much", "NaN", "1e30", "0.001"])
def test_a_wrong_amount_is_named_and_changes_nothing(wrong: str, signed_in: Client, owner: User) -> None:
    response = signed_in.post(PAGE, {"budget": wrong})
    assert response.status_code == 422
    assert "Monthly budget" in response.content.decode()
    assert not Workspace.objects.exclude(monthly_budget_usd=None).exists()


def test_only_an_owner_changes_it(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.EDITOR)
    page = signed_in.get(PAGE, {"workspace": str(shared.pk)})
    assert "Only an owner" in page.content.decode()
    assert signed_in.post(PAGE, {"workspace": shared.pk, "budget": "1"}).status_code == 403
    assert signed_in.get(PAGE, {"workspace": str(make_workspace().pk)}).status_code == 404


def test_it_names_the_batches_that_wait_for_it(signed_in: Client, job: BatchJob) -> None:
    BatchJob.objects.filter(pk=job.pk).update(
        status=JobStatus.PAUSED, reason=Reason.MONTH_BUDGET, name="waits for money"
    )
    assert "waits for money" in signed_in.get(PAGE).content.decode()


def test_the_plan_says_what_is_left(signed_in: Client, owner: User) -> None:
    Workspace.objects.filter(pk=owner.personal_workspace().pk).update(monthly_budget_usd=Decimal("0.50"))
    page = signed_in.get("/").content.decode()
    assert "$0.50" in page
    assert "may pause before it is done" in page
