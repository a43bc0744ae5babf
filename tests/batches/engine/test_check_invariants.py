"""`check_invariants`: every rule finds its damage, names the row, and says what should be; quickly, and in a few rows."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from batches.actions.jobs import cancel, pause
from batches.engine.invariants import MOST_NAMED, Scope, find_orphans, violations
from batches.models import BatchItem, BatchJob, GenerationLog, SpendingMonth, Worker
from batches.models.states import ItemStatus, JobStatus
from bench.support.seeding import seed_job
from conversations.models import Conversation, Turn
from tests.factories import make_conversation, make_log, make_workspace
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_done(job: BatchJob, worker: Worker) -> BatchJob:
    """One item completed, one in flight, one in the queue."""
    file_reply(claim_item(job, worker))
    claim_item(job, worker, position=2)
    job.refresh_from_db()
    assert not violations()
    return job


@pytest.fixture(autouse=True)
def _swept_at_once(settings: Any) -> None:
    settings.ENGINE_SWEPT_AFTER_S = 0


def set_sql(statement: str) -> Callable[[BatchJob], None]:
    def damage(job: BatchJob) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return damage


def lose_conversation(job: BatchJob) -> None:
    Turn.objects.all().delete()
    GenerationLog.objects.update(conversation=None)
    Conversation.objects.all()._raw_delete("default")


def complete_early(job: BatchJob) -> None:
    BatchJob.objects.update(status=JobStatus.COMPLETED)


def stop_in_the_past(job: BatchJob) -> None:
    BatchJob.objects.update(status=JobStatus.PAUSED, stopped_at="2020-01-01T00:00:00Z")


def end_the_rest(job: BatchJob) -> None:
    BatchItem.objects.exclude(status=ItemStatus.COMPLETED).update(status=ItemStatus.FAILED)


DAMAGES: dict[str, tuple[str, Callable[[BatchJob], Any]]] = {
    "a conversation is lost": ("I2", lose_conversation),
    "a turn is lost": ("I2", lambda job: Turn.objects.filter(turn_number=1).delete()),
    "reserved": ("I3", lambda job: BatchJob.objects.update(reserved=Decimal(7))),
    "spent": ("I4", lambda job: BatchJob.objects.update(spent=Decimal("0.5"))),
    "a month's reserved": ("I3", lambda job: SpendingMonth.objects.update(reserved=Decimal(7))),
    "a month is lost": ("I4", lambda job: SpendingMonth.objects.all().delete()),
    "in_flight": ("I5", lambda job: BatchJob.objects.update(in_flight=3)),
    "no worker": ("I6", lambda job: Worker.objects.all().delete()),
    "a log that has ended": (
        "I6",
        lambda job: GenerationLog.objects.filter(state="pending").update(state="failed"),
    ),
    "completed too early": ("I8", complete_early),
    "never completed": ("I8", end_the_rest),
    "cancelled, not swept": ("I8", lambda job: BatchJob.objects.update(status=JobStatus.CANCELLED)),
    "beyond the budget": ("I9", lambda job: BatchJob.objects.update(budget_usd=Decimal("0.001"))),
    "called while it stood still": ("I10", stop_in_the_past),
    "an item elsewhere": ("I12", lambda job: BatchItem.objects.update(workspace=make_workspace())),
    "a log elsewhere": ("I12", lambda job: GenerationLog.objects.update(workspace=make_workspace())),
    "counters": ("I13", lambda job: BatchJob.objects.update(failed_items=1)),
    "another log won": (
        "I13",
        lambda job: GenerationLog.objects.filter(state="succeeded").update(state="surplus"),
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_found(what: str, half_done: BatchJob) -> None:
    rule, damage = DAMAGES[what]
    damage(half_done)
    found = violations()
    assert rule in {each.rule for each in found}, found
    scoped = violations(Scope(jobs=[half_done.pk], months_from=timezone.now().date().replace(day=1)))
    assert scoped == found


def test_what_was_cancelled_just_now_may_still_be_swept(half_done: BatchJob, settings: Any) -> None:
    settings.ENGINE_SWEPT_AFTER_S = 60
    BatchJob.objects.update(status=JobStatus.CANCELLED)
    assert violations() == []


def test_long_after_its_cap(half_done: BatchJob, settings: Any) -> None:
    settings.ENGINE_START_GRACE_S = -1e9
    GenerationLog.objects.update(deadline="2020-01-01T00:00:00Z")
    assert {each.rule for each in violations()} == {"I7"}


def test_a_violation_says_what_is_and_what_should_be(half_done: BatchJob) -> None:
    BatchJob.objects.update(in_flight=3)
    assert str(violations()[0]) == (
        f"I5 in_flight is the number of processing items: batch_jobs {half_done.pk}: is 3, should be 1"
    )


def test_a_call_dearer_than_its_reservation_is_no_violation(half_done: BatchJob) -> None:
    """It is booked as it is, and may pass the budget by that much (docs/execution.md section 3)."""
    log = GenerationLog.objects.get(state="succeeded")
    more = log.reservation_usd * 2 - log.cost_usd
    log.cost_usd += more
    log.save()
    SpendingMonth.objects.update(spent=log.cost_usd)
    pending = GenerationLog.objects.get(state="pending").reservation_usd
    BatchJob.objects.update(spent=log.cost_usd, budget_usd=log.reservation_usd + pending)
    assert not violations()


def test_many_are_counted_and_few_are_named(owner: User) -> None:
    seed_job(owner.personal_workspace(), size=50, turns=1)
    lost = [each for each in violations() if each.says == "a conversation has all its turns"]
    assert len(lost) == MOST_NAMED + 1
    assert lost[-1].row == f"and {45 - MOST_NAMED} more"


def test_what_has_lost_its_parent_is_listed_and_no_violation(half_done: BatchJob) -> None:
    item = BatchItem.objects.get(position=3)
    made = make_conversation(workspace=half_done.workspace)
    log = make_log(item=item, state="failed", conversation=made)  # type: ignore[arg-type]
    GenerationLog.objects.filter(pk=log.pk).update(item=None)
    assert {(each.rule, each.row) for each in find_orphans()} == {
        ("log", str(log.pk)),
        ("conversation", str(made.pk)),
    }
    assert not violations()


def check(*words: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    connection.commit()
    try:
        call_command("check_invariants", *words, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_exits_1_and_names_the_row(owner: User, job: BatchJob, worker: Worker) -> None:
    assert check() == (0, "All 13 rules hold (I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I12, I13, I14).\n")
    BatchJob.objects.update(in_flight=2)
    code, said = check()
    assert code == 1
    assert f"I5 in_flight is the number of processing items: batch_jobs {job.pk}: is 2, should be 0" in said
    code, said = check("--json")
    found = json.loads(said)
    assert (code, found["holds"], found["violations"][0]["row"]) == (1, False, str(job.pk))


@pytest.mark.slow
def test_ten_thousand_items_are_checked_in_a_second(owner: User) -> None:
    seed_job(owner.personal_workspace(), size=10_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE batch_items, conversations, conversation_turns, generation_logs")
    best = min(timed_check() for _ in range(3))
    print(f"{best:.2f} s")
    assert best < 3, "a loaded machine takes longer; on a quiet one it is well below a second"


def timed_check() -> float:
    began = time.monotonic()
    violations()
    return time.monotonic() - began


def test_a_paused_and_a_cancelled_job_hold(owner: User, half_done: BatchJob) -> None:
    pause(half_done, by=owner)
    assert not violations()
    cancel(half_done, by=owner)
    assert not violations()
