"""One call warms what its job's prompts share; the others are neither claimed nor dispatched until it has a reply."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from batches.actions.jobs import start_batch
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.dispatch import mark_dispatched
from batches.engine.retry import handle_error, release
from batches.models import BatchItem, BatchJob, CachedPrefix, GenerationLog, Worker
from batches.planning.plan import PlannedItem
from claude import current_models
from claude.errors import Busy, Unusable
from claude.messages import Reply, Usage
from lorapipe.queues import Queue
from templates_app.text.rendering import Variable
from tests.factories import make_template
from tests.support.invariants import assert_invariants, assert_no_violations
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply, lose_worker
from workspaces.models import User

RULES = "Keep to these rules, all of them, always.\n" * 60
WROTE = {"cache_write_5m": 1000}


@pytest.fixture
def job(owner: User) -> BatchJob:
    """Four items of one template version with a long beginning."""
    return start(owner, items=4)


def start(owner: User, *, items: int, text: str = RULES, templates: int = 1) -> BatchJob:
    workspace = owner.personal_workspace()
    versions = [
        make_template(
            workspace=workspace, text=text + "Topic: {{topic}}", variables=[Variable("topic")]
        ).versions.get()
        for _ in range(templates)
    ]
    plan = [
        PlannedItem(
            position=n + 1,
            tier="template",
            version=versions[n % templates],
            topic=f"topic {n}",
            parameters={"topic": f"topic {n}"},
        )
        for n in range(items)
    ]
    return start_batch(
        workspace=workspace, plan=plan, by=owner, name="warm", concurrency=8, budget_usd=Decimal(50)
    )


def may_claim(job: BatchJob, worker: Worker, *, position: int) -> bool:
    call = prepare_item(job.items.get(position=position).pk)
    assert call
    return claim(call, worker_id=worker.pk) is not None


def reply(**counts: int) -> Reply:
    found = make_reply()
    usage: Any = {"input_tokens": 100, "output_tokens": 1000, **counts}
    return replace(found, usage=Usage(**usage))


def dispatched_positions() -> list[int]:
    ids = mark_dispatched(Queue.GENERATION)
    return sorted(BatchItem.objects.filter(pk__in=ids).values_list("position", flat=True))


# --- the claim --------------------------------------------------------------------------------------


def test_the_first_is_claimed_and_the_others_wait_for_its_reply(job: BatchJob, worker: Worker) -> None:
    first = claim_item(job, worker)
    assert first.call.request.lifetime == "5m"
    assert not may_claim(job, worker, position=2)
    item = job.items.get(position=2)
    assert (item.attempt, item.rung_at, item.logs.count()) == (0, None, 0)
    file_reply(first, reply(**WROTE))
    assert may_claim(job, worker, position=2)
    assert may_claim(job, worker, position=3)
    assert_no_violations()


@pytest.mark.parametrize(
    "error",
    [
        Busy("later", kind="overloaded", costs_attempt=False),
        Busy("reset", kind="connection", costs_attempt=True, maybe_billed=True),
        Unusable("odd", kind="unreadable"),
    ],
)
def test_a_warming_call_that_fails_hands_on_to_the_next(
    error: Busy | Unusable, job: BatchJob, worker: Worker
) -> None:
    first = claim_item(job, worker)
    handle_error(first, error)
    assert may_claim(job, worker, position=2)
    assert not may_claim(job, worker, position=3)
    assert_no_violations()


def test_so_does_one_that_was_not_sent_and_one_whose_worker_died(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    release(claim_item(job, worker))
    claim_item(job, worker, position=2)
    assert not may_claim(job, worker, position=3)
    lose_worker(worker, settings)
    assert may_claim(job, worker, position=3)
    assert_no_violations()


def test_a_reply_that_cannot_be_used_has_warmed_all_the_same(job: BatchJob, worker: Worker) -> None:
    found = reply(**WROTE)
    cut = Reply(**{**{n: getattr(found, n) for n in found.__dataclass_fields__}, "stop_reason": "max_tokens"})
    file_reply(claim_item(job, worker), cut)
    assert may_claim(job, worker, position=2)
    assert may_claim(job, worker, position=3)


def test_after_its_lifetime_it_is_cold_again(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), reply(**WROTE))
    CachedPrefix.objects.update(warm_until=timezone.now() - timedelta(seconds=1))
    assert may_claim(job, worker, position=2)
    assert not may_claim(job, worker, position=3)


def test_each_use_gives_it_a_new_life(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), reply(**WROTE))
    soon = timezone.now() + timedelta(seconds=60)
    CachedPrefix.objects.update(warm_until=soon)
    claim_item(job, worker, position=2)
    assert CachedPrefix.objects.get().warm_until > soon + timedelta(seconds=60)


def test_a_provider_that_caches_nothing_of_it_is_waited_for_once(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), reply())
    CachedPrefix.objects.filter(warm_until__gt=timezone.now() + timedelta(days=900)).get()
    assert may_claim(job, worker, position=2)
    assert may_claim(job, worker, position=3)


def test_an_answer_that_takes_longer_than_the_entry_lives_is_waited_for_once(
    job: BatchJob, worker: Worker
) -> None:
    first = claim_item(job, worker)
    GenerationLog.objects.update(created_at=timezone.now() - timedelta(seconds=310))
    file_reply(first, reply(**WROTE))
    assert may_claim(job, worker, position=2)
    assert may_claim(job, worker, position=3)


def test_templates_warm_side_by_side(owner: User, worker: Worker) -> None:
    job = start(owner, items=4, templates=2)
    assert [may_claim(job, worker, position=n) for n in (1, 2, 3, 4)] == [True, True, False, False]


def test_a_short_beginning_slows_nobody(owner: User, worker: Worker) -> None:
    job = start(owner, items=3, text="Short.\n")
    assert [may_claim(job, worker, position=n) for n in (1, 2, 3)] == [True] * 3
    assert not CachedPrefix.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_warms(owner: User, worker: Worker) -> None:
    job = start(owner, items=8)
    calls = [prepare_item(item.pk) for item in job.items.all()]
    together, won = threading.Barrier(len(calls)), []

    def claim_together(call: Any) -> None:
        together.wait(10)
        if claim(call, worker_id=worker.pk):
            won.append(call.item_id)
        connection.close()

    threads = [threading.Thread(target=claim_together, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert_invariants()


# --- dispatching ------------------------------------------------------------------------------------


def test_one_is_dispatched_until_it_is_warm_and_then_all(job: BatchJob, worker: Worker) -> None:
    assert dispatched_positions() == [1]
    assert dispatched_positions() == [], "the one that is dispatched may be about to be claimed"
    first = claim_item(job, worker)
    assert dispatched_positions() == []
    file_reply(first, reply(**WROTE))
    assert dispatched_positions() == [2, 3, 4]


def test_when_it_fails_the_next_is_dispatched_and_not_the_one_that_waits(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    settings.ENGINE_BACKOFF_S = [60.0]
    first = claim_item(job, worker)
    handle_error(first, Busy("later", kind="overloaded", costs_attempt=False))
    assert dispatched_positions() == [2]


def test_one_of_each_template_is_dispatched(owner: User, worker: Worker) -> None:
    start(owner, items=6, templates=3)
    assert dispatched_positions() == [1, 2, 3]


# --- the money --------------------------------------------------------------------------------------


def test_the_reservation_covers_the_write(job: BatchJob, worker: Worker) -> None:
    call = claim_item(job, worker).call
    size = -(-len(call.request.prompt.encode()) // 2)
    plain = current_models.compute_worst_case(
        model=call.request.model, input_tokens=size, max_tokens=8192, on=call.on
    )
    rate = current_models.find_price(call.request.model, on=call.on, prompt_tokens=0)
    tokens = Decimal("1.15") * size + 500
    assert call.reservation - plain == (tokens * (rate.cache_write_5m - rate.input) / 1_000_000)
    assert job.worst_item_usd >= call.reservation


def test_writes_reads_and_the_saving_are_booked_apart(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), reply(cache_write_5m=600, cache_write_1h=400))
    file_reply(claim_item(job, worker, position=2), reply(cache_read=1000))
    wrote, read = GenerationLog.objects.order_by("created_at")
    assert (wrote.cache_write_tokens, wrote.cache_write_1h_tokens, wrote.cache_read_tokens) == (1000, 400, 0)
    assert (read.cache_write_tokens, read.cache_write_1h_tokens, read.cache_read_tokens) == (0, 0, 1000)
    # Sonnet 5.5: input 2, write 2.5 and 4, read 0.10 dollars a million.
    assert wrote.cache_saved_usd == Decimal("-0.0011")
    assert read.cache_saved_usd == Decimal("0.0019")
