"""One message, whole, in this process: what goes wrong between the claim and the filing."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import InternalError, OperationalError, connection

from batches.engine import generate as steps
from batches.engine.claim import Claim, claim
from batches.engine.file import file
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, JobStatus, LogState, Reason
from claude.messages import Reply
from conversations.generation import write
from conversations.models import Conversation
from lorapipe.queues import Queue
from templates_app.models import TemplateVersion
from tests.factories import make_job, make_version
from tests.support.invariants import assert_invariants
from tests.support.replies import make_reply
from tests.support.steps import claim_item
from workspaces.models import User

pytestmark = pytest.mark.django_db(transaction=True)

Generate = Callable[..., BatchItem]


@pytest.fixture(autouse=True)
def _invariants_hold_at_the_end(transactional_db: None) -> Iterator[None]:
    yield
    assert_invariants()


@pytest.fixture
def dispatched() -> list[UUID]:
    """What goes on in the slot, call by call."""
    return []


@pytest.fixture
def generate(
    job: BatchJob, worker: Worker, dispatched: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> Generate:
    """Work on the job's first item, with an answer that `ask` gives; returns the item."""

    def generated(ask: Callable[..., Reply] = lambda call: make_reply()) -> BatchItem:
        monkeypatch.setattr(steps, "ask", ask)
        item_id = job.items.get(position=1).pk
        if due := steps.generate_item(item_id, worker_id=worker.pk, queue=Queue.GENERATION):
            dispatched.append(due)
        job.refresh_from_db()
        return BatchItem.objects.get(pk=item_id)

    return generated


def never(*_: object) -> Reply:
    raise AssertionError("nothing may be asked")


def once(failing: Exception, then: Callable[..., Any]) -> Callable[..., Any]:
    """Fails the first time."""
    left = [failing]

    def called(*given: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return then(*given, **named)

    return called


def test_the_whole_way(job: BatchJob, generate: Generate, dispatched: list[UUID]) -> None:
    assert generate().status == ItemStatus.COMPLETED
    assert Conversation.objects.get().conversation_id == job.items.get(position=1).conversation_id
    assert len(dispatched) == 1, "the slot that is free now gets the next item"


def test_the_slot_that_becomes_free_goes_to_who_waits_longest(
    job: BatchJob, generate: Generate, dispatched: list[UUID]
) -> None:
    """Were it its own job's, a job that keeps all slots busy would keep everybody else out until it ends."""
    waits = make_job(items=2, budget_usd=Decimal(10), worst_item_usd=Decimal("0.1"))
    generate()
    assert [BatchItem.objects.get(pk=item_id).job_id for item_id in dispatched] == [waits.pk]


def test_no_connection_is_held_during_the_call(generate: Generate) -> None:
    def ask(call: object) -> Reply:
        assert connection.connection is None
        return make_reply()

    assert generate(ask).status == ItemStatus.COMPLETED


def test_no_connection_is_held_while_a_permit_is_waited_for(
    job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = claim_item(job, worker)

    def sleep(seconds: float) -> None:
        assert connection.connection is None

    monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    assert steps.wait_for_permit(claimed)


def test_a_doubled_late_or_foreign_message_changes_nothing(
    job: BatchJob, worker: Worker, generate: Generate
) -> None:
    item = generate()
    steps.generate_item(item.pk, worker_id=worker.pk, queue=Queue.GENERATION)
    steps.generate_item(uuid4(), worker_id=worker.pk, queue=Queue.GENERATION)
    assert GenerationLog.objects.count() == 1


# --- the database breaks off ------------------------------------------------------------------------


def test_a_database_that_breaks_off_before_the_call_gives_the_item_back(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(claimed: Claim) -> bool:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("batches.engine.claim._may_still_leave", away)
    item = generate(never)
    assert (item.status, item.attempt, item.run_after) == (ItemStatus.QUEUED, 0, None)
    assert GenerationLog.objects.get().error_kind == "not_sent"


def test_a_claim_whose_commit_broke_off_is_taken_back(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def committed_but_nobody_heard(*given: Any, **named: Any) -> Claim:
        claim(*given, **named)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(steps, "claim", committed_but_nobody_heard)
    item = generate(never)
    assert (item.status, item.attempt) == (ItemStatus.QUEUED, 0)
    assert GenerationLog.objects.get().state == LogState.FAILED


def test_a_claim_that_was_never_made_leaves_nothing(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "claim", once(OperationalError("lock timeout"), claim))
    assert generate(never).status == ItemStatus.QUEUED
    assert not GenerationLog.objects.exists()


@pytest.mark.parametrize(
    "away",
    [
        OperationalError("no connection"),
        InternalError("terminating connection due to idle-in-transaction timeout"),
    ],
)
def test_a_paid_reply_is_filed_when_the_database_is_back(
    away: Exception, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was frozen in its transaction finds it ended by PostgreSQL: psycopg calls that an internal error."""
    monkeypatch.setattr(steps, "file", once(away, file))
    assert generate().status == ItemStatus.COMPLETED


def test_a_database_that_breaks_off_while_the_conversation_is_written(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = InternalError("terminating connection due to idle-in-transaction timeout")
    monkeypatch.setattr("conversations.generation.write", once(away, write))
    assert generate().status == ItemStatus.COMPLETED


def test_a_message_is_lost_while_the_database_is_away(
    generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(item_id: object) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(steps, "read_queued_item", away)
    with pytest.raises(OperationalError):
        generate(never)
    assert BatchItem.objects.filter(status=ItemStatus.QUEUED).count() == 3, "dispatched again after 15 s"


# --- the permit -------------------------------------------------------------------------------------


def test_a_look_that_takes_too_long_gives_the_permit_up(
    job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for a connection is late too: the call would slip out of its window."""
    claimed, late = claim_item(job, worker), [0.0]

    def slow_look(claimed: Claim) -> bool:
        late[0] = 1.5
        return True

    monkeypatch.setattr(steps, "may_still_leave", slow_look)
    monkeypatch.setattr(
        steps,
        "time",
        SimpleNamespace(sleep=lambda seconds: None, monotonic=lambda: claimed.starts_at + late[0]),
    )
    assert not steps.wait_for_permit(claimed)


def test_a_commit_that_takes_too_long_gives_the_permit_up(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    assert not steps.wait_for_permit(Claim(call=claimed.call, starts_at=claimed.starts_at - 1.5))


def test_a_paused_job_gets_the_item_back(
    job: BatchJob, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause_first(*given: Any, **named: Any) -> Claim | None:
        claimed = claim(*given, **named)
        BatchJob.objects.update(status=JobStatus.PAUSED)
        return claimed

    monkeypatch.setattr(steps, "claim", pause_first)
    item = generate(never)
    assert (item.status, item.attempt, job.in_flight, job.reserved) == (ItemStatus.QUEUED, 0, 0, Decimal(0))


# --- defects of ours --------------------------------------------------------------------------------


def test_a_reply_that_our_reading_breaks_on_is_paid_and_kept(
    job: BatchJob, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(reply: Reply, **_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("batches.engine.kinds.conversation.read", broken)
    item = generate()
    log = GenerationLog.objects.get()
    assert (item.status, item.error_kind, job.failed_items) == (ItemStatus.FAILED, "internal", 1)
    assert (log.state, log.error_kind, log.provider_request_id) == (LogState.UNUSABLE, "internal", "req_test")
    assert job.spent == log.cost_usd > 0
    assert log.response_body


def test_a_call_that_breaks_off_in_a_defect_books_its_worst_case(job: BatchJob, generate: Generate) -> None:
    def broken(call: object) -> Reply:
        raise RuntimeError("a defect")

    item, log = generate(broken), GenerationLog.objects.get()
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "internal")
    assert (log.state, log.cost_usd, job.spent) == (
        LogState.UNKNOWN,
        log.reservation_usd,
        log.reservation_usd,
    )


def test_a_person_who_is_deleted_during_the_call_takes_no_money_along(
    owner: User, job: BatchJob, generate: Generate
) -> None:
    """Foreign keys are checked at the commit: there the money and the reply would go with the conversation."""

    def ask(call: object) -> Reply:
        User.objects.filter(pk=owner.pk).delete()
        return make_reply()

    item, log = generate(ask), GenerationLog.objects.get()
    assert (item.status, item.error_kind, log.state) == (ItemStatus.FAILED, "internal", LogState.UNUSABLE)
    assert job.spent == log.cost_usd > 0


def test_an_item_of_which_no_request_can_be_made_fails_once(
    job: BatchJob, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(item_id: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(steps, "read_queued_item", broken)
    item = generate(never)
    assert (item.status, item.error_kind, job.failed_items) == (ItemStatus.FAILED, "internal", 1)


# --- what forbids asking ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables", [[{"name": "surely_missing", "required": True}], [{"name": "x", "no_such_key": 1}]]
)
def test_an_item_without_its_values_fails_without_a_call(
    variables: list[dict[str, Any]], job: BatchJob, generate: Generate
) -> None:
    template = job.items.get(position=1).made_from.template
    version = make_version(template=template, published=False)
    TemplateVersion.objects.filter(pk=version.pk).update(variables=variables)
    job.items.filter(position=1).update(template_version=version)
    item = generate(never)
    assert (item.status, item.error_kind, job.failed_items) == (ItemStatus.FAILED, "values", 1)
    assert not GenerationLog.objects.exists()


@pytest.mark.parametrize("model", ["no-such-model", "claude-opus-4-1"])
def test_a_model_that_is_gone_stops_the_job_with_the_reason(
    model: str, job: BatchJob, generate: Generate
) -> None:
    BatchJob.objects.filter(pk=job.pk).update(model=model)
    assert generate(never).status == ItemStatus.QUEUED
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.MODEL)
    assert model in job.reason_note
