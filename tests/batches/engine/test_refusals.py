"""Refusals: what stops a job at once, what pauses it after several in a row, and what fails one item only."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from batches.actions.controls import retry_failed
from batches.actions.jobs import resume
from batches.engine.claim import Claim
from batches.engine.retry import handle_error
from batches.models import BatchItem, BatchJob, GenerationLog, ProviderPool, RateLimit, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Reason
from claude.errors import Busy, ClaudeError
from claude.meaning import from_page, from_response
from tests.support.invariants import assert_no_violations
from tests.support.jobs import start_starter_job
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db

CONCURRENCY, N = 3, 5
# Status, error type and words of servers that refuse everything, none of which is known by its words.
REFUSALS = [
    (400, "odd_error", "Not today, request {n}."),
    (403, "region_error", "The moon is in the wrong phase for input {n} (flagged)."),
    (406, "", "Nothing acceptable, trace {n}"),
    (418, "teapot", "I am a teapot. id={n}"),
    (422, "value_error", "The field colour is wrong in call {n}"),
    (423, "locked_error", "Resource {n} is in use"),
    (451, "legal", "Unavailable for legal reasons, case {n}"),
    (498, "token_state", "State {n} is stale"),
    (500, "new_api_error", "Channel {n} says no"),
    (530, "", "origin {n} is frozen"),
]


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


@pytest.fixture
def job(owner: User, starter_pack: None) -> BatchJob:
    return start_starter_job(owner, limit=20, concurrency=CONCURRENCY)


def refuse(status: int, kind: str, said: str, **more: Any) -> ClaudeError:
    error = {"type": kind, "message": said, **more} if kind else {"message": said, **more}
    return from_response(status, headers={}, body=json.dumps({"error": error}).encode())


def run(job: BatchJob, worker: Worker, answers: Sequence[ClaudeError | None]) -> int:
    """Let the answers (None: a good reply) come in this order, as many calls in flight as the job may have; how many came."""
    calls = 0
    flying: list[Claim] = []
    while True:
        job.refresh_from_db()
        due = job.items.filter(status=ItemStatus.QUEUED).order_by("attempt", "position")
        while job.status in (JobStatus.QUEUED, JobStatus.PROCESSING) and len(flying) < CONCURRENCY:
            item = due.first()
            if item is None or calls + len(flying) >= len(answers):
                break
            flying.append(claim_item(job, worker, position=item.position))
            job.refresh_from_db()
        if not flying:
            return calls
        claimed, answer = flying.pop(0), answers[calls]
        calls += 1
        if answer is None:
            file_reply(claimed)
        else:
            handle_error(claimed, answer)


@pytest.mark.parametrize(("status", "kind", "said"), REFUSALS)
def test_a_server_that_refuses_everything_is_asked_a_few_times_only(
    status: int, kind: str, said: str, job: BatchJob, worker: Worker
) -> None:
    calls = run(job, worker, [refuse(status, kind, said.format(n=n)) for n in range(100)])
    assert N <= calls <= N + CONCURRENCY
    job.refresh_from_db()
    assert (job.status, job.reason, job.in_flight) == (JobStatus.PAUSED, Reason.REFUSALS, 0)
    assert said.partition("{n}")[0].strip() in job.reason_note
    assert job.spent == 0
    assert_no_violations()


def test_it_goes_on_when_a_person_says_so_and_counts_anew(owner: User, job: BatchJob, worker: Worker) -> None:
    run(job, worker, [refuse(418, "teapot", "no")] * 100)
    resume(job, by=owner)
    assert (job.refusals, job.refusal_name, job.reason) == (0, "", "")
    assert run(job, worker, [refuse(418, "teapot", "no")] * (N - 1)) == N - 1
    job.refresh_from_db()
    assert (job.status, job.refusals) == (JobStatus.PROCESSING, N - 1)
    run(job, worker, [refuse(418, "teapot", "no")] * 100)
    retry_failed(job, by=owner)
    assert (job.status, job.refusals, job.failed_items) == (JobStatus.PROCESSING, 0, 0)
    assert run(job, worker, [None] * 100) == 20
    job.refresh_from_db()
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 20)
    assert_no_violations()


def test_a_reply_or_another_refusal_in_between_begins_anew(job: BatchJob, worker: Worker) -> None:
    no, other = refuse(418, "teapot", "no"), refuse(422, "value_error", "no")
    answers = [*[no] * (N - 1), None, *[no] * (N - 1), other, *[no] * (N - 1), *[None] * 6]
    assert run(job, worker, answers) == 20
    job.refresh_from_db()
    assert (job.status, job.completed_items, job.failed_items) == (JobStatus.COMPLETED, 7, 13)


def test_the_number_is_a_setting(job: BatchJob, worker: Worker, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, refusals_in_a_row=2)
    assert run(job, worker, [refuse(418, "teapot", "no")] * 100) <= 2 + CONCURRENCY


def test_one_moderated_item_among_20_fails_alone(job: BatchJob, worker: Worker) -> None:
    flagged = refuse(403, "", "Your input was flagged", metadata={"reasons": ["violence"]})
    assert run(job, worker, [None, None, None, flagged, *[None] * 16]) == 20
    job.refresh_from_db()
    assert (job.status, job.completed_items, job.failed_items) == (JobStatus.COMPLETED, 19, 1)
    failed = BatchItem.objects.get(job=job, status=ItemStatus.FAILED)
    assert (failed.error_kind, failed.attempt) == ("moderated", 1)
    assert "Your input was flagged" in failed.error_message
    assert_no_violations()


@pytest.mark.parametrize(
    ("status", "kind", "said", "reason"),
    [
        (400, "invalid_request_error", "You have reached your workspace API usage limits.", Reason.PROVIDER_BILLING),
        (429, "budget_exceeded", "Over budget", Reason.PROVIDER_BILLING),
        (400, "invalid_request_error", "This organization has been disabled.", Reason.PROVIDER_AUTH),
        (404, "not_found_error", "model: claude-0", Reason.NOT_FOUND),
        (400, "invalid_request_error", "output_config.format: Extra inputs are not permitted", Reason.REQUEST_REFUSED),
    ],
)  # fmt: skip
def test_what_every_item_would_meet_stops_the_job_once(
    status: int, kind: str, said: str, reason: Reason, owner: User, job: BatchJob, worker: Worker
) -> None:
    assert run(job, worker, [refuse(status, kind, said)] * 100) <= CONCURRENCY
    job.refresh_from_db()
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, reason, 0)
    assert said in job.reason_note
    assert set(job.items.values_list("status", "attempt")) == {(ItemStatus.QUEUED, 0)}
    resume(job, by=owner)
    assert run(job, worker, [None] * 20) == 20
    assert_no_violations()


def test_calls_that_cost_no_attempt_are_not_counted(job: BatchJob, worker: Worker) -> None:
    busy = [refuse(429, "rate_limit_error", "slow"), refuse(529, "overloaded_error", "busy")]
    for error in busy * N:
        handle_error(claim_item(job, worker), error)
        RateLimit.objects.update(blocked_until="2000-01-01T00:00:00Z")
        ProviderPool.objects.update(overloads=[], opened_for_s=0)
    job.refresh_from_db()
    assert (job.status, job.refusals) == (JobStatus.PROCESSING, 0)


def test_a_server_that_fails_for_a_moment_pauses_no_job_that_had_replies(
    job: BatchJob, worker: Worker
) -> None:
    """All calls in flight meet it, and their repeats may; a failure that lasts pauses the job all the same."""
    failure = refuse(502, "", "Bad gateway")
    assert run(job, worker, [None, *[failure] * (N + 2 * CONCURRENCY - 1)]) == N + 2 * CONCURRENCY
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING
    run(job, worker, [failure] * 100)
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.REFUSALS)
    assert job.failed_items < N + CONCURRENCY


def test_lost_connections_in_a_row_pause_too(job: BatchJob, worker: Worker) -> None:
    lost = Busy("No connection could be made", kind="connection", costs_attempt=True)
    assert run(job, worker, [lost] * 100) <= N + CONCURRENCY
    job.refresh_from_db()
    assert (job.status, job.reason, job.refusal_name) == (
        JobStatus.PAUSED,
        Reason.REFUSALS,
        "no answer connection",
    )


def test_under_stop_the_first_failed_item_stops_the_job(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP, refusals=N, refusal_name="418 teapot")
    handle_error(claim_item(job, worker), refuse(418, "teapot", "no"))
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.ITEM_ERROR)


def test_a_job_whose_last_item_is_refused_ends(owner: User, worker: Worker) -> None:
    small = start_starter_job(owner, limit=N, concurrency=CONCURRENCY)
    assert run(small, worker, [refuse(418, "teapot", "no")] * 100) == N
    small.refresh_from_db()
    assert (small.status, small.reason, small.failed_items) == (JobStatus.COMPLETED, "", N)


def test_a_web_page_of_a_proxy_books_nothing_and_pauses(job: BatchJob, worker: Worker) -> None:
    page = from_page(b"<html><title>Please sign in</title></html>", headers={})
    assert run(job, worker, [page] * 100) <= N + CONCURRENCY
    job.refresh_from_db()
    assert (job.status, job.reason, job.spent) == (JobStatus.PAUSED, Reason.REFUSALS, Decimal(0))
    assert "Please sign in" in job.reason_note
    assert set(GenerationLog.objects.values_list("state", "cost_usd")) == {(LogState.FAILED, Decimal(0))}
