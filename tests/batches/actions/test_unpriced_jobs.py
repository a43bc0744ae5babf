"""A job whose price or model is not known does not start, and says what to do: pages, API, terminal; and while it runs."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from batches.actions.jobs import start_batch
from batches.engine.generate import prepare_call
from batches.limits.pools import pool_of
from batches.models import BatchItem, BatchJob, RateLimit, Worker
from batches.models.states import JobStatus, Reason
from batches.planning.plan import PlanError, PlannedItem, starter_plan
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from provider import table
from provider.models import LanguageModel
from provider.shipping import ship
from tests.factories import MODEL, make_model, make_price, make_token
from tests.provider.test_check import use_model
from tests.support.jobs import start_starter_job
from workspaces.models import User

pytestmark = pytest.mark.django_db
LOCAL = "qwen-3"


@pytest.fixture
def local(settings: Settings, owner: User) -> LanguageModel:
    """A model of another server in use, in the table without a price."""
    ship()
    use_model(settings, LOCAL)
    row = make_model(name=LOCAL)
    publish()
    return row


def publish() -> None:
    table.publish()
    table.refresh(now=True)


def mark_free(row: LanguageModel) -> None:
    make_price(model=row, free=True)
    publish()


def planned_with_own_model(owner: User, name: str) -> list[PlannedItem]:
    """The starter plan as it would be if its templates named a model."""
    plan = starter_plan(owner.personal_workspace())
    for item in plan:
        item.version.model = name
    return plan


# --- at the start ------------------------------------------------------------------------------------


def test_without_a_price_nothing_starts(local: LanguageModel, owner: User) -> None:
    with pytest.raises(UnknownPrice, match=r"Add one under Admin, Prices.*costs nothing"):
        start_starter_job(owner, limit=1)
    assert not BatchJob.objects.exists()


def test_a_price_of_tomorrow_is_none_today(local: LanguageModel, owner: User) -> None:
    make_price(model=local, valid_from=timezone.now().date() + timedelta(days=1))
    publish()
    with pytest.raises(UnknownPrice):
        start_starter_job(owner, limit=1)


def test_it_costs_nothing_only_when_somebody_says_so(local: LanguageModel, owner: User) -> None:
    mark_free(local)
    job = start_starter_job(owner, limit=2, budget_usd=Decimal(0))
    assert job.model == LOCAL
    assert {job.worst_item_usd, job.budget_usd} == {Decimal(0)}
    assert RateLimit.objects.filter(pool=pool_of(LOCAL)).exists()  # the start makes what a new pool needs
    notes = " ".join(job.estimate["notes"])
    assert "takes no schema here" in notes
    assert "estimated by their characters" in notes


@pytest.mark.parametrize(
    ("model", "error", "told"),
    [
        ("gpt-9", UnknownModel, "Admin, Models"),
        ("claude-opus-4-0", RetiredModel, "Use claude-opus-5-5"),
    ],
)
def test_an_unknown_or_retired_model_starts_nothing(
    owner: User, settings: Settings, model: str, error: type[Exception], told: str
) -> None:
    use_model(settings, model)
    with pytest.raises(error, match=told):
        start_starter_job(owner, limit=1)


@pytest.mark.parametrize(
    ("model", "told"), [("claude-opus-4-0", "Use claude-opus-5-5"), ("gpt-9", "not in the model table")]
)
def test_a_templates_own_model_is_refused_with_the_templates_name(owner: User, model: str, told: str) -> None:
    plan = planned_with_own_model(owner, model)
    with pytest.raises(PlanError, match=told) as caught:
        start_batch(workspace=owner.personal_workspace(), plan=plan, by=owner, name="own")
    assert len(caught.value.problems) == 1  # one for the model, not one for each of 90 items
    assert {problem.column for problem in caught.value.problems} == {"template"}
    assert "asks for a model of its own" in str(caught.value)


# --- where people see it --------------------------------------------------------------------------------


def test_the_page_says_it_and_starts_nothing(client: Client, local: LanguageModel, owner: User) -> None:
    client.force_login(owner)
    assert "Admin, Prices" in client.get("/").content.decode()
    response = client.post("/", {"action": "start", "tier": ["template"], "limit": "1"})
    assert response.status_code == 422
    assert "Admin, Prices" in response.content.decode()
    assert not BatchJob.objects.exists()


def test_the_api_says_it_and_starts_nothing(local: LanguageModel, owner: User) -> None:
    client = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    for path in ("/api/conversations/batch/estimate", "/api/conversations/generate-batch"):
        response = client.post(
            path, json.dumps({"name": "one", "tier": "template"}), content_type="application/json"
        )
        body: dict[str, Any] = response.json()
        assert 400 <= response.status_code < 500, body
        assert "Admin, Prices" in body["error"]
    assert not BatchJob.objects.exists()


def test_the_terminal_says_it_and_ends_with_2(
    local: LanguageModel, owner: User, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("generate", "--joined", "--yes", "--limit", "1", "--json")
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert "Admin, Prices" in captured.out + captured.err
    assert not BatchJob.objects.exists()


# --- while it runs -----------------------------------------------------------------------------------


def test_a_job_whose_model_retires_meanwhile_stops_and_says_it(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    ship()
    LanguageModel.objects.filter(name=MODEL).update(retires=date(2026, 1, 1), successor="claude-opus-5-5")
    table.publish()
    table.forget()
    item = BatchItem.objects.filter(job=job).first()
    assert item
    assert prepare_call(item.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.MODEL)
    assert "Use claude-opus-5-5" in job.reason_note
