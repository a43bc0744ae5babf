"""The questions before a change, a retry and a copy of a batch: as pages and as dialogs."""

from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.actions.jobs import cancel
from batches.engine.retry import fail, handle_error
from batches.models import BatchJob, Worker
from batches.models.states import ItemStatus, JobStatus, Priority
from claude.errors import Busy
from tests.factories import make_item, make_job, make_member, make_user
from tests.support.steps import claim_item, file_reply
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
# At most those of a running batch (test_batch_page) without its errors, however many items could be tried again.
# One more reads the history, at most 50 entries.
QUERIES = 18  # two are the number of the review queue in the menu, and of the approved ones of an ended batch
DIALOG = {"HX-Request": "true", "HX-Target": "div#dialog-body"}


def test_change_while_it_runs(signed_in: Client, job: BatchJob) -> None:
    path = f"/batches/{job.pk}/change/"
    assert path in signed_in.get(f"/batches/{job.pk}/").text
    assert 'name="budget" min="0.01" step="any" value="50.00"' in signed_in.get(path).text
    assert "<html" not in signed_in.get(path, headers=DIALOG).text
    answer = signed_in.post(path, {"concurrency": "3", "priority": "1", "budget": "7.5"})
    assert answer["Location"] == f"/batches/{job.pk}/"
    job.refresh_from_db()
    assert (job.concurrent_processing, job.priority, job.budget_usd) == (3, Priority.HIGH, Decimal("7.5"))


def test_a_change_that_cannot_be_is_said_at_its_field(
    signed_in: Client, job: BatchJob, worker: Worker
) -> None:
    claim_item(job, worker)
    path = f"/batches/{job.pk}/change/"
    low = signed_in.post(path, {"concurrency": "3", "priority": "2", "budget": "0.01"})
    assert (low.status_code, "set aside for the calls in flight: at least" in low.text) == (409, True)
    high = signed_in.post(path, {"concurrency": "99", "priority": "2", "budget": "9"})
    assert (high.status_code, "at most 10 at once" in high.text) == (422, True)
    job.refresh_from_db()
    assert job.concurrent_processing == 10


def test_what_has_ended_is_not_changed(signed_in: Client, job: BatchJob, owner: User) -> None:
    cancel(job, by=owner)
    assert f"/batches/{job.pk}/change/" not in signed_in.get(f"/batches/{job.pk}/").text
    for verb in ("change", "cancel"):
        assert signed_in.get(f"/batches/{job.pk}/{verb}/")["Location"] == f"/batches/{job.pk}/"
    sent = {"concurrency": "3", "priority": "2", "budget": "9"}
    answer = signed_in.post(f"/batches/{job.pk}/change/", sent, follow=True)
    assert "it cannot be changed" in answer.text


def test_retry_asks_how_many_and_what_it_costs(signed_in: Client, job: BatchJob, worker: Worker) -> None:
    for position, kind in ((1, "timeout"), (2, "timeout"), (3, "declined")):
        fail(claim_item(job, worker, position=position), kind=kind, message="no")
    page = signed_in.get(f"/batches/{job.pk}/").text
    assert "Retry 3 failed…" in page
    assert f"/batches/{job.pk}/retry/?kind=timeout" in page
    path = f"/batches/{job.pk}/retry/"
    assert "Try 2 failed items again?" in signed_in.get(path, {"kind": "timeout"}).text
    assert "<html" not in signed_in.get(path, headers=DIALOG).text
    sent = {"kind": "timeout", "budget": "60", "idempotency_key": "k"}
    for _ in range(2):
        assert signed_in.post(path, sent)["Location"] == f"/batches/{job.pk}/"
    job.refresh_from_db()
    assert (job.status, job.failed_items, job.budget_usd) == (JobStatus.PROCESSING, 1, Decimal(60))
    assert signed_in.post(path, {"budget": "x"}).status_code == 422
    assert "No item of this batch has failed" in signed_in.get(path, {"kind": "other"}).text


def test_duplicate_asks_with_todays_estimate(signed_in: Client, job: BatchJob) -> None:
    path = f"/batches/{job.pk}/duplicate/"
    page = signed_in.get(path).text
    assert "the same 3 items" in page
    assert "Start, spend up to" in page
    sent = {"name": "Again", "concurrency": "2", "budget": "", "idempotency_key": "k", "action": "start"}
    addresses = {signed_in.post(path, sent)["Location"] for _ in range(2)}
    made = BatchJob.objects.exclude(pk=job.pk).get()
    assert addresses == {f"/batches/{made.pk}/"}
    assert (made.name, made.concurrent_processing, made.total_items) == ("Again", 2, 3)
    again = signed_in.post(path, {**sent, "idempotency_key": "l"})
    assert (again.status_code, "was started a short while ago" in again.text) == (422, True)
    assert f'name="seen_start" value="{made.pk}"' in again.text
    sent["seen_start"] = str(made.pk)
    low = signed_in.post(path, {**sent, "budget": "0.01", "idempotency_key": "l"})
    assert (low.status_code, "does not cover one call" in low.text) == (422, True)
    assert signed_in.post(path, {**sent, "action": "update"}).status_code == 200
    assert BatchJob.objects.count() == 2


def test_a_paid_reply_of_a_cancelled_item_is_offered(
    signed_in: Client, job: BatchJob, worker: Worker, owner: User
) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True))
    cancel(job, by=owner)
    assert "Paid: use it" not in signed_in.get(f"/batches/{job.pk}/").text
    file_reply(claimed)
    page = signed_in.get(f"/batches/{job.pk}/").text
    assert page.count("Paid: use it") == 1
    assert f"/items/{claimed.call.item_id}/" in page


def test_the_offer_takes_no_query_for_each_item(
    signed_in: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(by=owner, status=JobStatus.CANCELLED, items=1)
    signed_in.get(f"/batches/{job.pk}/")
    with django_assert_max_num_queries(QUERIES):
        signed_in.get(f"/batches/{job.pk}/")
    for _ in range(20):
        make_item(job=job, status=ItemStatus.CANCELLED, version=job.items.all()[0].template_version)
    with django_assert_max_num_queries(QUERIES):
        signed_in.get(f"/batches/{job.pk}/")


@pytest.mark.parametrize("verb", ["change", "retry", "duplicate"])
def test_who_only_sees_it_is_refused(client: Client, job: BatchJob, verb: str) -> None:
    viewer = make_user()
    client.force_login(viewer)
    path = f"/batches/{job.pk}/{verb}/"
    assert client.get(path).status_code == 404
    make_member(workspace=job.workspace, user=viewer, role=Membership.Role.REVIEWER)
    assert client.get(path).status_code == 403
    assert client.post(path).status_code == 403
