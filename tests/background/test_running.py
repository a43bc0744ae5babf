"""Background jobs on the database, without processes: claims, leases, takeovers, cancelling, and what breaks off."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from background import running
from background.actions import cancel_job, start_job
from background.models import BackgroundJob
from background.running import (
    MOST_FAILURES,
    JobFailed,
    LeaseLost,
    claim,
    end_leases,
    has_due,
    take_due,
)
from background.states import JobState
from tests.background.conftest import COUNT_TO, Counting
from tests.factories import make_user
from tests.support.background import run
from workspaces.models import Membership, User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner: User, counting: Counting) -> BackgroundJob:
    return make_job(owner)


def make_job(by: User, **fields: Any) -> BackgroundJob:
    made = start_job("counting", workspace=by.personal_workspace(), by=by, name="Count to 5")
    BackgroundJob.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    return made


def end_lease(job: BackgroundJob) -> None:
    past = timezone.now() - timedelta(minutes=1)
    BackgroundJob.objects.filter(pk=job.pk).update(lease_until=past)


def test_a_job_runs_to_its_end(job: BackgroundJob) -> None:
    assert has_due()
    found = run(job)
    assert (found.status, found.done, found.total, found.percent) == ("completed", COUNT_TO, COUNT_TO, 100)
    assert found.result == {"sum": 15, "last": "5"}
    assert found.started_at is not None
    assert found.ended_at is not None
    assert (found.token, found.lease_until) == (None, None)
    assert not has_due()
    assert run(found).result == {"sum": 15, "last": "5"}, "a message that comes again changes nothing"


def test_one_worker_has_it_at_a_time(job: BackgroundJob) -> None:
    first = claim(job.pk, worker=uuid4(), stopping=threading.Event())
    assert first is not None
    assert claim(job.pk, worker=uuid4(), stopping=threading.Event()) is None
    assert not has_due()


def test_a_step_renews_the_lease(job: BackgroundJob, counting: Counting) -> None:
    leases: list[datetime] = []

    def look(number: int) -> None:
        found = BackgroundJob.objects.get(pk=job.pk).lease_until
        assert found is not None
        leases.append(found)

    counting.before = look
    run(job)
    assert len(set(leases)) == COUNT_TO
    assert leases == sorted(leases)


@pytest.mark.parametrize("dies_at", range(1, COUNT_TO + 1))
def test_the_job_of_a_dead_worker_goes_on_where_its_last_step_ended(
    job: BackgroundJob, counting: Counting, dies_at: int
) -> None:
    """The process is gone: nothing gives the row back, and the step that ran is taken back by the database."""

    def die(number: int) -> None:
        if number == dies_at:
            raise SystemExit

    counting.before = die
    with pytest.raises(SystemExit):
        run(job)
    job.refresh_from_db()
    assert (job.status, job.done) == (JobState.RUNNING, dies_at - 1)
    assert not has_due(), "its lease goes on"
    end_lease(job)
    assert has_due()
    counting.before = lambda number: None
    found = run(job)
    assert (found.status, found.done, found.result["sum"]) == ("completed", COUNT_TO, 15)


def test_the_lease_of_a_worker_that_is_known_to_be_dead_ends_at_once(job: BackgroundJob) -> None:
    worker = uuid4()
    claim(job.pk, worker=worker, stopping=threading.Event())
    assert end_leases([uuid4()]) == 0
    assert not has_due()
    assert end_leases([worker]) == 1
    assert has_due()


def test_a_step_of_a_worker_that_has_lost_the_job_is_taken_back(
    job: BackgroundJob, counting: Counting
) -> None:
    """It was frozen beyond its lease and wakes in the middle of a step."""

    def lose(number: int) -> None:
        if number == 2:
            end_lease(job)
            counting.before = lambda number: None
            other = claim(job.pk, worker=uuid4(), stopping=threading.Event())
            assert other is not None
            Workspace.objects.filter(pk=job.workspace_id).update(name="changed by the step")

    counting.before = lose
    slow = claim(job.pk, worker=uuid4(), stopping=threading.Event())
    assert slow is not None
    with pytest.raises(LeaseLost):
        counting.run(slow)
    assert not Workspace.objects.filter(name="changed by the step").exists()


def test_what_the_old_worker_says_at_its_end_is_not_heard(job: BackgroundJob) -> None:
    old = claim(job.pk, worker=uuid4(), stopping=threading.Event())
    end_lease(job)
    new = claim(job.pk, worker=uuid4(), stopping=threading.Event())
    assert old is not None
    assert new is not None
    old.end(JobState.FAILED, error="too late")
    with pytest.raises(LeaseLost):
        old.set_total(9)
    job.refresh_from_db()
    assert (job.status, job.token, job.error) == (JobState.RUNNING, new.token, "")


def test_a_worker_that_is_to_stop_gives_it_back(job: BackgroundJob, counting: Counting) -> None:
    stopping = threading.Event()
    counting.before = lambda number: stopping.set() if number == 3 else None
    found = run(job, stopping=stopping)
    assert (found.status, found.done, found.failures) == (JobState.QUEUED, 3, 0)
    assert has_due()
    assert run(job).result["sum"] == 15


def test_a_long_job_gives_way_to_another_one(
    job: BackgroundJob, counting: Counting, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SLICE_S", -1.0)
    other = make_job(owner)
    assert run(job).status == JobState.QUEUED
    assert take_due(at_once=1) == [other.pk], "it is the turn of the one that has not run yet"
    BackgroundJob.objects.filter(pk=other.pk).delete()
    assert run(job).status == JobState.COMPLETED, "nobody else waits"


def test_steps_that_belong_together_do_not_give_way(
    job: BackgroundJob, counting: Counting, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SLICE_S", -1.0)
    make_job(owner)
    counting.gives_way = False
    assert run(job).status == JobState.COMPLETED


def test_cancelled_while_it_waits(job: BackgroundJob, owner: User) -> None:
    cancelled = cancel_job(job, by=owner)
    assert cancelled.status == JobState.CANCELLED
    assert cancelled.ended_at is not None
    assert not has_due()
    assert run(job).done == 0


def test_cancelled_between_two_steps(job: BackgroundJob, counting: Counting, owner: User) -> None:
    def cancel(number: int) -> None:
        if number == 2:
            assert cancel_job(BackgroundJob.objects.get(pk=job.pk), by=owner).status == JobState.RUNNING

    counting.before = cancel
    found = run(job)
    assert (found.status, found.done, found.result["sum"]) == (JobState.CANCELLED, 2, 3)


def test_cancelled_while_its_worker_is_dead(job: BackgroundJob, owner: User) -> None:
    claim(job.pk, worker=uuid4(), stopping=threading.Event())
    job.refresh_from_db()
    cancel_job(job, by=owner)
    end_lease(job)
    assert has_due()
    assert run(job).status == JobState.CANCELLED


def test_what_cannot_be_done_is_said(job: BackgroundJob, counting: Counting) -> None:
    def refuse(number: int) -> None:
        raise JobFailed("The filter finds nothing.")

    counting.before = refuse
    found = run(job)
    assert (found.status, found.error) == (JobState.FAILED, "The filter finds nothing.")


def test_a_defect_fails_the_job_and_is_logged(
    job: BackgroundJob, counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(number: int) -> None:
        if number == 3:
            raise ZeroDivisionError

    counting.before = break_down
    found = run(job)
    assert (found.status, found.done) == (JobState.FAILED, 2)
    assert "ZeroDivisionError" in found.error
    assert "failed" in caplog.text


def test_a_step_that_the_database_breaks_off_is_done_again(job: BackgroundJob, counting: Counting) -> None:
    def break_off(number: int) -> None:
        if number == 3:
            raise OperationalError("deadlock detected")

    counting.before = break_off
    found = run(job)
    assert (found.status, found.done, found.failures) == (JobState.QUEUED, 2, 1)
    assert not has_due(), "it is due a few seconds later"
    for times in range(2, MOST_FAILURES + 1):
        BackgroundJob.objects.update(run_after=None)
        assert run(job).failures == times
    BackgroundJob.objects.update(run_after=None)
    found = run(job)
    assert (found.status, found.done) == (JobState.FAILED, 2)
    assert f"{MOST_FAILURES} times" in found.error


def test_a_finished_step_forgives_earlier_failures(job: BackgroundJob) -> None:
    BackgroundJob.objects.update(failures=MOST_FAILURES - 1)
    found = run(job)
    assert (found.status, found.failures) == (JobState.COMPLETED, 0)


def test_it_may_do_no_more_than_the_person_may(job: BackgroundJob, owner: User) -> None:
    Membership.objects.filter(user=owner).update(role=Membership.Role.VIEWER)
    found = run(job)
    assert found.status == JobState.FAILED
    assert "may not do this" in found.error


def test_whoever_started_it_is_gone(job: BackgroundJob) -> None:
    """It must not go on as the system, whose role nothing bounds."""
    BackgroundJob.objects.update(created_by=None)
    found = run(job)
    assert (found.status, found.done) == (JobState.FAILED, 0)
    BackgroundJob.objects.update(status=JobState.QUEUED, by_system=True)
    assert run(job).status == JobState.COMPLETED


def test_a_kind_that_is_not_there_any_more(owner: User, counting: Counting) -> None:
    job = make_job(owner, kind="of_a_later_version")
    assert job.label == "Of a later version"
    assert "of_a_later_version" in run(job).error


# --- the dispatcher's part -------------------------------------------------------------------------------


def test_as_many_are_dispatched_as_may_run(owner: User, counting: Counting) -> None:
    jobs = [make_job(owner) for _ in range(3)]
    assert take_due(at_once=0) == [], "no worker is there"
    assert take_due(at_once=1) == [jobs[0].pk]
    assert take_due(at_once=1) == [], "its message is on its way"
    assert take_due(at_once=2) == [jobs[1].pk]
    claim(jobs[0].pk, worker=uuid4(), stopping=threading.Event())
    assert take_due(at_once=2) == [], "one runs, one is on its way"
    BackgroundJob.objects.filter(pk=jobs[1].pk).update(dispatched_at=timezone.now() - timedelta(hours=1))
    assert take_due(at_once=2) == [jobs[1].pk], "its message was lost"


def test_the_workspace_that_has_waited_longest_comes_first(owner: User, counting: Counting) -> None:
    first, _second = make_job(owner), make_job(owner)
    run(first)
    other = make_job(make_user())
    assert take_due(at_once=1) == [other.pk]
