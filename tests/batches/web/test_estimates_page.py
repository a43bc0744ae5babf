"""What finished batches came to, kept on their rows, and the page, the batch and the API that say it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.actions.jobs import pause, resume
from batches.models import BatchJob, GenerationLog, Worker
from batches.models.states import JobStatus, LogState
from batches.reports.calibration import draw_chart, format_share, list_finished, summarize
from batches.reports.estimate_accuracy import measure_accuracy
from tests.factories import make_job, make_log, make_token, make_user
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db
PAGE = "/batches/estimates/"
SAID = {"cost": "1.00", "cost_low": "0.80", "cost_high": "1.25", "seconds": 100.0, "history": 20}


def ended(owner: User, *, spent: str = "1.10", seconds: float = 90.0, **fields: Any) -> BatchJob:
    given: dict[str, Any] = {
        "estimate": SAID,
        "simulated": True,
        "completed_at": timezone.now(),
        "actual_seconds": seconds,
        "spent": Decimal(spent),
        **fields,
    }
    return make_job(by=owner, status=JobStatus.COMPLETED, **given)


# --- kept -----------------------------------------------------------------------------------------------------


def test_a_batch_that_is_completed_keeps_what_it_came_to(job: BatchJob, worker: Worker) -> None:
    for position in (1, 2, 3):
        assert measure_accuracy(job) is None
        file_reply(claim_item(job, worker, position=position))
        job.refresh_from_db()
    found, logs = measure_accuracy(job), GenerationLog.objects.filter(job=job)
    assert found is not None
    assert found.cost == job.spent
    assert found.said == Decimal(job.estimate["cost"])
    assert job.actual_output_tokens == sum(log.output_tokens for log in logs)
    assert job.actual_input_tokens == sum(log.input_tokens for log in logs)
    assert job.started_at is not None
    assert job.completed_at is not None
    assert found.seconds == pytest.approx((job.completed_at - job.started_at).total_seconds(), abs=1e-3)


def test_pauses_do_not_count(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker))
    pause(job, by=None)
    ago = timezone.now() - timedelta(hours=1)
    BatchJob.objects.filter(pk=job.pk).update(stopped_at=ago, started_at=ago - timedelta(seconds=5))
    resume(job, by=None)
    for position in (2, 3):
        file_reply(claim_item(job, worker, position=position))
    job.refresh_from_db()
    assert job.actual_seconds is not None
    assert 5 <= job.actual_seconds < 60


def test_a_batch_that_a_resume_completes_keeps_it_too(owner: User) -> None:
    job = make_job(
        by=owner, status=JobStatus.PAUSED, total_items=1, completed_items=1, stopped_at=timezone.now()
    )
    assert resume(job, by=owner).actual_seconds is not None


def test_errors_are_shares_of_the_estimate(owner: User) -> None:
    found = measure_accuracy(ended(owner, spent="0.97", seconds=120))
    assert found is not None
    assert (format_share(found.cost_error), format_share(found.time_error)) == ("−3%", "+20%")
    assert found.holds
    outside = measure_accuracy(ended(owner, spent="1.26"))
    assert outside is not None
    assert not outside.holds
    assert measure_accuracy(ended(owner, estimate={})) is None


# --- the numbers ----------------------------------------------------------------------------------------------


def test_the_numbers_are_medians_and_a_share(owner: User) -> None:
    for spent in ("0.50", "1.00", "1.10"):
        ended(owner, spent=spent)
    judged = list_finished(owner, simulated=True)
    found = summarize(judged)
    assert found is not None
    assert found.count == 3
    assert found.holds == pytest.approx(2 / 3)
    assert found.cost_error == pytest.approx(0.1)
    assert found.time_error == pytest.approx(0.1)
    drawn = draw_chart(judged)
    assert [point.inside for point in drawn.points] == [False, True, True]
    assert drawn.points[0].y > drawn.points[1].y > drawn.points[2].y, "cheaper is lower"
    assert all(0 <= point.top <= point.y + 200 for point in drawn.points)
    assert summarize([]) is None


def test_what_is_far_off_stays_in_the_picture(owner: User) -> None:
    ended(owner, spent="40.00")
    (point,) = draw_chart(list_finished(owner, simulated=True)).points
    assert 0 < point.y < 200


# --- the page -------------------------------------------------------------------------------------------------


def test_without_a_finished_batch_it_says_so(signed_in: Client) -> None:
    assert "No finished batches yet" in signed_in.get(PAGE).text


def test_a_batch_without_one_reply_is_neither_real_nor_simulated(signed_in: Client, owner: User) -> None:
    """Nobody knows what it would have been, and it says nothing about the estimate."""
    counts: dict[str, Any] = {"total_items": 2, "failed_items": 2, "spent": "0"}
    silent = ended(owner, name="All refused", simulated=False, **counts)
    make_log(job=silent, state=LogState.FAILED)
    assert list_finished(owner, simulated=False) == []
    assert list_finished(owner, simulated=True) == []
    assert "All refused" not in signed_in.get(PAGE).text
    unusable = ended(owner, name="Odd replies", simulated=False, **counts)
    make_log(job=unusable, state=LogState.UNUSABLE)
    assert [each.job for each in list_finished(owner, simulated=False)] == [unusable]


def test_it_shows_each_batch_with_its_error(signed_in: Client, owner: User) -> None:
    job = ended(owner, name="The one")
    page = signed_in.get(PAGE).text
    for said in ("The one", "+10%", "−10%", "1 of 1 cost what their range says", f"/batches/{job.pk}/"):
        assert said in page, said


def test_real_and_simulated_batches_stand_apart(signed_in: Client, owner: User) -> None:
    ended(owner, name="A demo")
    assert "A demo" in signed_in.get(PAGE).text, "there is no real one"
    ended(owner, name="For money", simulated=False)
    page = signed_in.get(PAGE).text
    assert "For money" in page
    assert "A demo" not in page
    assert "A demo" in signed_in.get(PAGE, {"which": "simulated"}).text
    nothing = signed_in.get(PAGE, {"which": "real", "model": "claude-none"}).text
    assert "No such batches" in nothing


def test_models_stand_apart(signed_in: Client, owner: User) -> None:
    ended(owner, name="Large", model="claude-opus-5-5")
    ended(owner, name="Small")
    assert "By model" in signed_in.get(PAGE).text
    one = signed_in.get(PAGE, {"model": "claude-opus-5-5"}).text
    assert "Large" in one
    assert "Small" not in one


def test_batches_of_others_are_not_counted(signed_in: Client) -> None:
    ended(make_user(), name="Not mine")
    assert "No finished batches yet" in signed_in.get(PAGE).text


def test_queries(
    signed_in: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        ended(owner)
    with django_assert_max_num_queries(13):
        signed_in.get(PAGE)


# --- elsewhere ------------------------------------------------------------------------------------------------


def test_the_page_of_the_batch_says_it_and_leads_here(signed_in: Client, owner: User) -> None:
    page = signed_in.get(f"/batches/{ended(owner, spent='0.97').pk}/").text
    assert "estimated $1.00, −3%" in page
    assert PAGE in page
    running = make_job(by=owner, status=JobStatus.PROCESSING, estimate=SAID, total_items=1)
    assert "est. $1.00" in signed_in.get(f"/batches/{running.pk}/").text


def test_the_api_says_it(client: Client, owner: User) -> None:
    job = ended(owner, spent="0.97", actual_input_tokens=10, actual_output_tokens=20)
    answer = client.get(
        f"/api/conversations/batch/{job.pk}", headers={"Authorization": f"Bearer {make_token(user=owner)}"}
    ).json()
    assert answer["outcome"] == {
        "estimatedCostUsd": "1",
        "estimatedCostRangeUsd": {"low": "0.8", "high": "1.25"},
        "actualCostUsd": "0.97",
        "withinRange": True,
        "costError": -0.03,
        "estimatedSeconds": 100,
        "actualSeconds": 90.0,
        "timeError": -0.1,
        "inputTokens": 10,
        "outputTokens": 20,
        "historyItems": 20,
    }
