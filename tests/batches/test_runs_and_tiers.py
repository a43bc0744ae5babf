"""Tiers that the database checks, and the run that the calls of a batch carry."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from batches.actions.controls import retry_failed
from batches.actions.jobs import pause, resume
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, JobStatus
from tests.factories import make_item, make_job, make_log, make_token
from tests.support.steps import claim_item
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("tier", ["everything", "Scenario", "templates"])
def test_the_database_knows_the_tiers(owner: User, tier: str) -> None:
    make_log(item=make_item(job=make_job(by=owner, total_items=1)))
    for model in (BatchJob, GenerationLog, BatchItem):
        with pytest.raises(IntegrityError), transaction.atomic():
            model._default_manager.update(tier=tier)
    BatchJob.objects.update(tier="")
    BatchJob.objects.update(tier="edge_case")


def test_each_resume_and_retry_is_a_run(job: BatchJob, worker: Worker, owner: User) -> None:
    for position in (1, 2):
        claim_item(job, worker, position=position)
    first = set(GenerationLog.objects.values_list("run_id", flat=True))
    assert first == {job.run_id}, "the calls of one run belong together"
    pause(job, by=owner)
    assert job.run_id in first
    resume(job, by=owner)
    claim_item(job, worker, position=3)
    runs = set(GenerationLog.objects.values_list("run_id", flat=True))
    assert (len(runs), job.run_id in runs - first) == (2, True)
    ended = make_job(by=owner, status=JobStatus.COMPLETED, total_items=1, failed_items=1)
    make_item(job=ended, status=ItemStatus.FAILED, error_kind="timeout")
    before = ended.run_id
    retry_failed(ended, by=owner)
    assert ended.run_id != before


def test_two_batches_are_two_runs(owner: User) -> None:
    assert make_job(by=owner).run_id != make_job(by=owner).run_id


def test_the_api_tells_and_filters_by_run(job: BatchJob, worker: Worker, owner: User) -> None:
    claim_item(job, worker)
    make_log(item=make_item(job=make_job(by=owner, total_items=1)))
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    found = caller.get(f"/api/logs?run={job.run_id}").json()["logs"]
    assert [each["runId"] for each in found] == [str(job.run_id)]
    assert len(caller.get("/api/logs").json()["logs"]) == 2
    wrong = caller.get("/api/logs?run=x")
    assert (wrong.status_code, wrong.json()["details"][0]["column"]) == (400, "run")
