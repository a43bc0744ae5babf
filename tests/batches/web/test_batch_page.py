from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus, LogState, Reason
from batches.reports.progress import progress
from batches.web.jobs.batch_page import list_banners
from conversations.models import Conversation
from conversations.states import Status
from templates_app.states import Tier
from tests.factories import (
    make_conversation,
    make_item,
    make_job,
    make_log,
    make_member,
    make_template,
    make_worker,
)
from tests.factory_classes import ItemFactory
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many items there are: session, user; workspaces three times; job, progress, tokens, counts,
# errors, count and page of items; for the frame of the page: running batch and number of conversations. One more reads what people did with the batch, at most 50 entries.
QUERIES = 17  # one is the number of the review queue in the menu
# At most these when an item has moved: as for the page. When only the time has passed, without the tables and the menu.
POLL_QUERIES = 18  # one is the number of the review queue in the menu
LIVE = {"HX-Request": "true", "HX-Target": "div#live"}


def running(by: User, **fields: Any) -> BatchJob:
    """Two done, one failed, one in flight, one waiting."""
    counted = {
        "total_items": 5,
        "completed_items": 2,
        "successful_items": 1,
        "failed_items": 1,
        "in_flight": 1,
    }
    job = make_job(by=by, status=JobStatus.PROCESSING, **{**counted, **fields})
    for status in (Status.GENERATED, Status.NEEDS_REVISION):
        item = make_item(job=job, status=ItemStatus.COMPLETED)
        made = make_conversation(item=item, status=status)
        make_log(item=item, conversation=made, state=LogState.SUCCEEDED, input_tokens=1000, output_tokens=500)
    make_item(job=job, status=ItemStatus.FAILED, error_kind="unreadable", error_message="Not <JSON>")
    make_item(job=job, status=ItemStatus.PROCESSING, topic="a pension")
    make_item(job=job)
    return job


def test_the_numbers(client: Client, owner: User) -> None:
    job = running(owner, spent=Decimal("0.0412"), budget_usd=Decimal("35"))
    page = client.get(f"/batches/{job.pk}/")
    assert page.context["percent"] == 60
    for words in (
        "“a pension”",
        "$0.041",
        "limit $35.00",
        "1 need revision",
        "2.0 k in, 1.0 k out",
        "60% batch",
    ):
        assert words in page.text, words


def test_the_items_in_plan_order_with_what_became_of_them(client: Client, owner: User) -> None:
    job = running(owner)
    page = client.get(f"/batches/{job.pk}/")
    assert [row["item"].position for row in page.context["rows"]] == [1, 2, 3, 4, 5]
    assert "Not &lt;JSON&gt;" in page.text
    assert [(each["words"].title, each["count"]) for each in page.context["errors"]] == [
        ("Reply not readable", 1)
    ]
    failed = client.get(f"/batches/{job.pk}/?show=failed").context
    assert [row["item"].position for row in failed["rows"]] == [3]
    assert [(each["name"], each["count"]) for each in failed["choices"] if each["on"]] == [("failed", 1)]


def test_the_numbers_by_tier_count_all_items_and_not_those_of_a_page(client: Client, owner: User) -> None:
    """1,101 template items, of which 1,000 are completed and 1 failed; 30 scenario items. A page shows 50."""
    version = make_template(workspace=owner.personal_workspace()).versions.get()
    job = make_job(
        by=owner, status=JobStatus.PROCESSING, total_items=1131, completed_items=1000, failed_items=1
    )
    statuses = [ItemStatus.COMPLETED] * 1000 + [ItemStatus.FAILED] + [ItemStatus.QUEUED] * 130
    tiers = [Tier.TEMPLATE] * 1101 + [Tier.SCENARIO] * 30
    BatchItem.objects.bulk_create(
        ItemFactory.build(
            job=job, template_version=version, position=number, status=status, tier=tier, topic="retirement"
        )
        for number, (status, tier) in enumerate(zip(statuses, tiers, strict=True), start=1)
    )
    for query in ("", "?page=20", "?show=failed", "?show=queued&page=3"):
        page = client.get(f"/batches/{job.pk}/{query}")
        assert [(each["tier"], each["ended"], each["total"]) for each in page.context["by_tier"]] == [
            ("template", 1001, 1101),
            ("scenario", 0, 30),
        ], query
        assert "1,001 of 1,101" in page.text
        assert "0 of 30" in page.text


@pytest.mark.parametrize("path", ["", "progress/", "cancel/"])
def test_somebody_elses_batch_is_unknown(client: Client, owner: User, path: str) -> None:
    assert client.get(f"/batches/{make_job().pk}/{path}").status_code == 404


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_nobody_moves_somebody_elses_batch(client: Client, owner: User, verb: str) -> None:
    job = make_job()
    assert client.post(f"/batches/{job.pk}/{verb}/").status_code == 404
    make_member(workspace=job.workspace, user=owner, role=Membership.Role.VIEWER)
    assert client.get(f"/batches/{job.pk}/").status_code == 200
    assert client.post(f"/batches/{job.pk}/{verb}/").status_code == 403
    assert BatchJob.objects.get(pk=job.pk).status == JobStatus.QUEUED


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        (JobStatus.QUEUED, {"pause", "cancel"}),
        (JobStatus.PROCESSING, {"pause", "cancel"}),
        (JobStatus.PAUSED, {"resume", "cancel"}),
        (JobStatus.FAILED, {"resume", "cancel"}),
        (JobStatus.COMPLETED, set()),
        (JobStatus.CANCELLED, set()),
    ],
)
def test_only_legal_moves_are_offered(
    client: Client, owner: User, status: JobStatus, buttons: set[str]
) -> None:
    job = make_job(by=owner, status=status, total_items=1)
    page = client.get(f"/batches/{job.pk}/").text
    assert {verb for verb in ("pause", "resume", "cancel") if f"/batches/{job.pk}/{verb}/" in page} == buttons


def test_pause_and_resume_without_script(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=2)
    assert client.post(f"/batches/{job.pk}/pause/")["Location"] == f"/batches/{job.pk}/"
    assert "Paused" in client.get(f"/batches/{job.pk}/").text
    client.post(f"/batches/{job.pk}/resume/")
    assert BatchJob.objects.get(pk=job.pk).status == JobStatus.PROCESSING


def test_pause_with_htmx_gets_the_live_region(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=2)
    answer = client.post(f"/batches/{job.pk}/pause/", headers=LIVE)
    assert answer.text.lstrip().startswith('<div class="col" id="live"')
    assert "Resume" in answer.text
    assert 'id="items"' in answer.text, "the table and the column beside it come in the same answer"


def test_a_move_that_is_impossible_by_now_is_told(client: Client, owner: User) -> None:
    job = make_job(by=owner, status=JobStatus.COMPLETED)
    answer = client.post(f"/batches/{job.pk}/pause/", headers=LIVE)
    assert answer.status_code == 200
    assert 'hx-swap-oob="beforeend:#toaster"' in answer.text
    assert "it cannot be paused" in answer.text


def test_cancel_asks_first_and_says_what_is_kept(client: Client, owner: User) -> None:
    job = running(owner)
    question = client.get(f"/batches/{job.pk}/cancel/").text
    for words in ("2 finished conversations are kept", "1 in flight will finish", "1 that has not started"):
        assert words in question
    assert BatchJob.objects.get(pk=job.pk).status == JobStatus.PROCESSING
    dialog = client.get(
        f"/batches/{job.pk}/cancel/", headers={"HX-Request": "true", "HX-Target": "div#dialog-body"}
    )
    assert "<html" not in dialog.text
    client.post(f"/batches/{job.pk}/cancel/")
    assert BatchJob.objects.get(pk=job.pk).status == JobStatus.CANCELLED
    page = client.get(f"/batches/{job.pk}/").text
    assert "Cancelling" in page
    assert "Finishing 1 call in flight" in page


def test_unchanged_progress_is_204(client: Client, owner: User) -> None:
    job = make_job(by=owner, status=JobStatus.PAUSED, items=2)
    rev = client.get(f"/batches/{job.pk}/").context["rev"]
    path = f"/batches/{job.pk}/progress/?rev={rev}"
    assert client.get(path, headers=LIVE).status_code == 204
    BatchJob.objects.filter(pk=job.pk).update(spent=Decimal("0.1"))
    answer = client.get(path, headers=LIVE)
    assert answer.status_code == 200
    assert 'id="items"' not in answer.text, "no row of the table has changed"
    BatchJob.objects.filter(pk=job.pk).update(completed_items=1, successful_items=1)
    assert 'id="items"' in client.get(path, headers=LIVE).text


def test_a_finished_batch_stops_polling(client: Client, owner: User) -> None:
    job = make_job(by=owner, status=JobStatus.COMPLETED, total_items=1, completed_items=1, successful_items=1)
    assert "every 2s" not in client.get(f"/batches/{job.pk}/").text
    late = make_job(by=owner, status=JobStatus.CANCELLED, total_items=1, in_flight=1)
    assert "every 2s" in client.get(f"/batches/{late.pk}/").text


def test_progress_as_a_page_is_the_batch(client: Client, owner: User) -> None:
    job = make_job(by=owner)
    assert client.get(f"/batches/{job.pk}/progress/")["Location"] == f"/batches/{job.pk}/"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.BUDGET, "Budget reached"),
        (Reason.PROVIDER_AUTH, "Set a working ANTHROPIC_API_KEY"),
        (Reason.PROVIDER_BILLING, "No credit left"),
        (Reason.ITEM_ERROR, "stops at the first one"),
        (Reason.MODEL, "ANTHROPIC_MODEL"),
        (Reason.NOT_FOUND, "Model or address unknown"),
        (Reason.REQUEST_REFUSED, "what every call sends"),
        (Reason.REFUSALS, "the same refusal several times in a row"),
        (Reason.SYSTEMIC_WAIT, "wait for an hour"),
    ],
)
def test_why_it_stands_still_and_what_to_do(client: Client, owner: User, reason: Reason, words: str) -> None:
    job = make_job(by=owner, status=JobStatus.FAILED, reason=reason, reason_note="invalid x-api-key")
    page = client.get(f"/batches/{job.pk}/").text
    assert words in page
    assert "invalid x-api-key" in page


def test_no_worker_is_said(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=1)
    assert "No worker is running" in client.get(f"/batches/{job.pk}/").text
    worker = make_worker()
    assert "No worker is running" not in client.get(f"/batches/{job.pk}/").text
    worker.heartbeat_at = timezone.now() - timedelta(minutes=5)
    worker.save(update_fields=["heartbeat_at"])
    assert "No worker is running" in client.get(f"/batches/{job.pk}/").text


@pytest.mark.parametrize(
    ("lost", "wait_s", "has_worker", "words"),
    [
        (2, 4, False, "2 calls were lost, tried again in 4 s"),
        (1, 0, True, "1 call was lost, tried again at once"),
        (2, 300, True, "2 calls were lost, tried again in about 5 min"),
        (2, None, True, "2 calls were lost, tried again after the others"),
        (2, None, False, "2 calls were lost, tried again as soon as a worker runs"),
    ],
)
def test_lost_calls_are_said_with_the_time_until_they_are_made_again(
    owner: User, lost: int, wait_s: int | None, has_worker: bool, words: str
) -> None:
    job = make_job(by=owner, items=3)
    now = replace(
        progress(job), lost=lost, lost_wait_s=wait_s, has_worker=has_worker, restarts=not has_worker
    )
    assert [banner.title for banner in list_banners(job, now)] == [words]


def test_lost_calls_stand_on_the_page(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=2)
    make_worker(stopped_at=timezone.now())
    page = client.get(f"/batches/{job.pk}/").text
    assert "A worker has ended" in page
    assert "No worker is running" not in page
    job.items.update(error_kind="crashed", crashes=1)
    page = client.get(f"/batches/{job.pk}/").text
    assert "2 calls were lost, tried again in " in page
    assert "A worker has ended" not in page


def test_every_page_shows_the_running_batch(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=3, name="The run")
    assert f'href="/batches/{job.pk}/"' in client.get("/conversations/").text
    BatchJob.objects.update(status=JobStatus.CANCELLED)
    assert f'href="/batches/{job.pk}/"' not in client.get("/conversations/").text


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    job = running(owner)
    with django_assert_max_num_queries(QUERIES):
        client.get(f"/batches/{job.pk}/")
    with django_assert_max_num_queries(POLL_QUERIES):
        client.get(f"/batches/{job.pk}/progress/", headers=LIVE)


@pytest.mark.parametrize(
    ("completed", "failed", "tone", "words"),
    [
        (26, 14, "warn", "26 of 40 conversations are ready; 14 items failed"),
        (0, 40, "bad", "All 40 items failed"),
        (40, 0, "ok", "All 40 conversations are ready"),
    ],
)
def test_a_run_with_failures_says_so_in_colour_and_word(
    client: Client, owner: User, completed: int, failed: int, tone: str, words: str
) -> None:
    counts: dict[str, Any] = {
        "completed_items": completed,
        "failed_items": failed,
        "successful_items": completed,
    }
    job = make_job(by=owner, status=JobStatus.COMPLETED, total_items=40, **counts)
    for path in ("/batches/", f"/batches/{job.pk}/"):
        page = client.get(path).text
        assert f'<span class="badge tone-{tone}">' in page, path
        assert ("tone-ok" in page) == (tone == "ok"), path
    assert words in client.get(f"/batches/{job.pk}/").text


def test_a_finished_batch_leads_to_reading_and_reviewing(client: Client, owner: User) -> None:
    job = running(owner)
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED, in_flight=0)
    page = client.get(f"/batches/{job.pk}/").text
    assert "Read 2 conversations" in page
    assert "Show 1 that needs revision" in page
    assert "Review these 2" in " ".join(page.split())
    answer = client.get(f"/batches/{job.pk}/read/", follow=True)
    first = Conversation.objects.get(batch_item__job=job, batch_item__position=1)
    assert answer.context["conversation"] == first
    assert f'href="/batches/{job.pk}/#item-{first.batch_item_id}"' in answer.text
    empty = make_job(by=owner, items=1)
    assert client.get(f"/batches/{empty.pk}/read/")["Location"] == f"/batches/{empty.pk}/"


def test_a_finished_batch_offers_its_approved_ones(client: Client, owner: User) -> None:
    job = running(owner)
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED, in_flight=0, simulated=True)
    assert "approved" not in client.get(f"/batches/{job.pk}/").text.partition("Download JSONL")[0]
    found = Conversation.objects.of_job(job.pk).earliest("created_at")
    found.approve(by=owner, revision=found.revision)
    page = client.get(f"/batches/{job.pk}/").text
    assert "Export 1 approved" in page
    assert f"/exports/new/?batch={job.pk}&amp;workspace={job.workspace_id}" in page
