"""The switch for all calls: from its commit on nothing is dispatched, claimed or called, and afterwards all goes on."""

import pytest
from django.core.management import call_command
from django.test import Client

from batches.actions.call_stops import allow_calls, stop_calls
from batches.engine.calls import prepare_item
from batches.engine.claim import claim, may_still_leave
from batches.engine.dispatch import mark_dispatched, take_due_counts
from batches.engine.retry import release
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob, CallStop, Worker
from batches.reports.progress import progress
from lorapipe.queues import Queue
from tests.factories import make_prompt_size, make_user
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item
from workspaces.models import AuditEntry, User
from workspaces.states import Action

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limit(db: None) -> None:
    set_limits(pools(), per_minute=1_000_000)


def test_nothing_is_dispatched_or_claimed_while_all_calls_are_stopped(job: BatchJob, worker: Worker) -> None:
    call = prepare_item(job.items.get(position=1).pk)
    assert call
    make_prompt_size()
    stop_calls(reason="the bill", by=None)
    assert mark_dispatched(Queue.GENERATION) == []
    assert claim(call, worker_id=worker.pk) is None
    assert take_due_counts() == []
    allow_calls(by=None)
    assert len(mark_dispatched(Queue.GENERATION)) == 3
    assert claim(call, worker_id=worker.pk)
    assert_no_violations()


def test_a_call_that_waits_for_its_permit_does_not_leave(job: BatchJob, worker: Worker) -> None:
    """A permit is at most two seconds ahead, and the last look before the call sees the stop."""
    claimed = claim_item(job, worker)
    assert may_still_leave(claimed)
    stop_calls(by=None)
    assert not may_still_leave(claimed)
    release(claimed)
    allow_calls(by=None)
    assert claim_item(job, worker)
    assert_no_violations()


def test_the_page_of_a_batch_says_why_nothing_moves(job: BatchJob, worker: Worker) -> None:
    stop_calls(reason="the bill is too high", by=None)
    bound = progress(job).bound
    assert bound is not None
    assert (bound.by, bound.detail) == ("stopped", "the bill is too high")


def test_a_second_stop_changes_nothing_and_allowing_is_said_once(owner: User) -> None:
    first = stop_calls(reason="one", by=owner)
    assert stop_calls(reason="two", by=owner) == first
    assert allow_calls(by=owner)
    assert not allow_calls(by=owner)
    told = AuditEntry.objects.filter(target_kind="installation").order_by("pk")
    assert [entry.action for entry in told] == [Action.STOP_CALLS, Action.ALLOW_CALLS]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("show", "stop", "show", "allow"):
        call_command("calls", verb, reason="")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == told[3] == "Calls are allowed."
    assert told[1].startswith("All calls are stopped since ")
    assert told[1] == told[2]


def test_superusers_stop_and_allow_in_the_admin(client: Client) -> None:
    client.force_login(make_user(superuser=True))
    base = "/admin/batches/callstop/"
    client.post(f"{base}add/", {"reason": "the bill"})
    made = CallStop.objects.get()
    assert (made.reason, made.allowed_at) == ("the bill", None)
    client.post(base, {"action": "allow", "_selected_action": [str(made.pk)]})
    assert CallStop.find_open() is None


def test_other_staff_do_not(client: Client) -> None:
    client.force_login(make_user(staff=True))
    assert client.post("/admin/batches/callstop/add/", {"reason": "x"}).status_code == 403
    assert CallStop.find_open() is None
