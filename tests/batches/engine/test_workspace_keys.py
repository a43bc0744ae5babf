"""A workspace that brings its own key: its own limits, its own stops, and no call where the key is missing."""

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from batches.engine import generate
from batches.engine.dispatch import dispatch_due, mark_dispatched
from batches.engine.retry import handle_error
from batches.limits.limiter import block_pool, set_limits
from batches.limits.pools import pool_of, pool_or_none, pools
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import JobStatus, Reason
from batches.reports.progress import progress
from claude.errors import Blocked
from lorapipe.queues import Queue
from provider import table
from provider.account import UnknownKey, forget_own_keys, get_provider, name_own_key
from provider.keys import enter_key, enter_own_key
from tests.factories import make_job, make_worker
from tests.support.steps import claim_item
from workspaces.models import Workspace

MODEL = "claude-sonnet-5-5"


@pytest.fixture(autouse=True)
def _two_keys(settings: Settings, db: None) -> None:
    settings.DEMO = False
    settings.CLAUDE_BASE_URL = "http://127.0.0.1:1"
    settings.CLAUDE_API_KEY = "sk-of-the-installation"
    settings.CLAUDE_NAMED_KEYS = {"research": "sk-of-research"}
    forget_own_keys()
    set_limits(pools(), per_minute=1_000_000)


def give_key(job: BatchJob, name: str) -> None:
    Workspace.objects.filter(pk=job.workspace_id).update(provider_key=name)


def reload(*jobs: BatchJob) -> list[BatchJob]:
    for job in jobs:
        job.refresh_from_db()
    return list(jobs)


def test_each_key_has_limits_of_its_own() -> None:
    assert pool_of(MODEL) != pool_of(MODEL, "research")
    assert {pool_of(MODEL), pool_of(MODEL, "research")} <= set(pools())
    assert len(set(pools())) == len(pools())


def test_a_call_leaves_with_the_key_of_its_workspace(job: BatchJob, worker: Worker) -> None:
    give_key(job, "research")
    claimed = claim_item(job, worker)
    assert (claimed.call.key, claimed.call.pool) == ("research", pool_of(MODEL, "research"))
    assert get_provider(claimed.call.key).api_key == "sk-of-research"
    assert GenerationLog.objects.get().pool == pool_of(MODEL, "research")


def test_a_blocked_key_holds_nobody_else_back(job: BatchJob) -> None:
    other = make_job(items=1)
    give_key(other, "research")
    block_pool(pool_of(MODEL, "research"), seconds=60)
    make_worker(slots=8)
    dispatched = BatchItem.objects.filter(pk__in=mark_dispatched(Queue.GENERATION))
    assert set(dispatched.values_list("job", flat=True)) == {job.pk}


def test_its_block_is_told_on_its_jobs_alone(job: BatchJob) -> None:
    other = make_job(items=1, status=JobStatus.PROCESSING)
    give_key(other, "research")
    block_pool(pool_of(MODEL, "research"), seconds=60)
    told = [progress(BatchJob.objects.get(pk=each.pk)).blocked_until for each in (other, job)]
    assert told[0] is not None
    assert told[1] is None


def test_no_credit_stops_the_jobs_of_that_key_alone(job: BatchJob, worker: Worker) -> None:
    theirs, also_theirs = make_job(items=1), make_job(items=1, status=JobStatus.PROCESSING)
    for each in (theirs, also_theirs):
        give_key(each, "research")
    handle_error(claim_item(theirs, worker), Blocked("No credit", kind="provider_billing"))
    assert [each.status for each in reload(theirs, also_theirs)] == [JobStatus.FAILED] * 2
    assert reload(job)[0].status == JobStatus.QUEUED
    handle_error(claim_item(job, worker), Blocked("No credit", kind="provider_billing"))
    assert reload(job)[0].reason == Reason.PROVIDER_BILLING


def test_without_the_key_there_is_no_call_and_the_job_says_what_to_do(
    job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_key(job, "elsewhere")
    assert pool_or_none(MODEL, "elsewhere") is None
    monkeypatch.setattr("batches.engine.dispatch.publish", lambda queue, ids: len(ids))
    assert dispatch_due(Queue.GENERATION) >= 1, "an item finds out"
    assert generate.prepare_call(job.items.get(position=1).pk) is None
    [job] = reload(job)
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.PROVIDER_AUTH)
    assert "ANTHROPIC_API_KEY_ELSEWHERE" in job.reason_note
    assert not GenerationLog.objects.exists()
    with pytest.raises(UnknownKey):
        pool_of(MODEL, "elsewhere")


def test_a_changed_key_goes_on_with_the_limits_of_the_old_one(job: BatchJob, worker: Worker) -> None:
    before = pool_of(MODEL)
    enter_key(name="", api_key="sk-entered", by=None)
    table.refresh(now=True)
    claimed = claim_item(job, worker)
    assert claimed.call.pool == pool_of(MODEL) == before
    assert claimed.call.provider.api_key == "sk-entered"


# --- a key that the owner has entered for the workspace alone ---------------------------------------------


def test_an_own_key_is_used_from_its_first_call_on(job: BatchJob, worker: Worker) -> None:
    """The worker that meets it first makes the limiter's rows, and the call leaves."""
    enter_own_key(workspace=job.workspace, api_key="sk-of-their-own", by=None)
    call = generate.prepare_call(job.items.get(position=1).pk)
    assert call
    claimed = generate.claim_or_withdraw(call, worker.pk)
    assert claimed
    assert claimed.call.provider.api_key == "sk-of-their-own"
    assert claimed.call.pool == pool_of(MODEL, claimed.call.key) != pool_of(MODEL)
    assert "sk-of-their-own" not in repr(claimed)


def test_another_own_key_is_used_without_a_restart(job: BatchJob, worker: Worker) -> None:
    enter_own_key(workspace=job.workspace, api_key="sk-of-their-own", by=None)
    set_limits(pools(), per_minute=1_000_000)
    first = claim_item(job, worker)
    enter_own_key(workspace=job.workspace, api_key="sk-of-the-next-month", by=None)
    forget_own_keys()  # as after two seconds
    second = claim_item(job, worker, position=2)
    assert [each.call.provider.api_key for each in (first, second)] == [
        "sk-of-their-own",
        "sk-of-the-next-month",
    ]
    assert first.call.pool == second.call.pool


def test_an_own_key_is_not_sent_to_another_server(job: BatchJob, worker: Worker, settings: Settings) -> None:
    enter_own_key(workspace=job.workspace, api_key="sk-of-their-own", by=None)
    settings.CLAUDE_BASE_URL = "https://elsewhere.example/v9"
    assert generate.prepare_call(job.items.get(position=1).pk) is None
    [job] = reload(job)
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.PROVIDER_AUTH)
    assert "entered for http://127.0.0.1:1" in job.reason_note
    assert "https://elsewhere.example" in job.reason_note
    assert not GenerationLog.objects.exists()


def test_no_workspace_can_be_given_the_own_key_of_another(job: BatchJob) -> None:
    enter_own_key(workspace=job.workspace, api_key="sk-of-their-own", by=None)
    other = make_job(items=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        give_key(other, name_own_key(job.workspace_id))


def test_the_demo_asks_its_simulator_for_all(settings: Settings, job: BatchJob) -> None:
    settings.DEMO = True
    assert pool_of(MODEL, "research") == pool_of(MODEL)
    assert get_provider("elsewhere") == get_provider()
