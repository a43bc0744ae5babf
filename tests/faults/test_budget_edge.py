"""Sixty-four slots at the edge of a budget: spent and reserved never pass it, at any moment that anybody could see."""

import random
import threading
from decimal import Decimal

import pytest
from django.db import connection, connections

from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.worker_registry import register
from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus
from lorapipe.queues import Queue
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.steps import file_reply
from workspaces.models import User

SLOTS = 64
ABOVE = (
    "SELECT count(*) FROM batch_jobs WHERE spent + reserved > budget_usd OR in_flight > concurrent_processing"
)


class Race:
    """All slots claim at the same moment, and file at once what they have got."""

    def __init__(self, job: BatchJob, worker: Worker) -> None:
        self.job, self.worker = job, worker
        self.ids = list(job.items.filter(status=ItemStatus.QUEUED).values_list("pk", flat=True)[:SLOTS])
        self.gate = threading.Barrier(SLOTS)
        self.claimed = 0
        self.above = 0
        self.errors: list[str] = []

    def run(self) -> None:
        threads = [threading.Thread(target=self.slot, args=(n,)) for n in range(SLOTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    def slot(self, n: int) -> None:
        try:
            call = prepare_item(self.ids[n]) if n < len(self.ids) else None
            self.gate.wait(30)
            claimed = claim(call, worker_id=self.worker.pk) if call else None
            with connection.cursor() as cursor:
                cursor.execute(ABOVE)
                self.above += cursor.fetchone()[0]
            if claimed is not None:
                self.claimed += 1
                file_reply(claimed)
        except Exception as problem:
            self.errors.append(repr(problem))
            self.gate.abort()
        finally:
            connections.close_all()


def at_the_edge(owner: User, *, rounds: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    worker = register(queues=[Queue.GENERATION], slots=SLOTS)
    for _ in range(rounds):
        job = start_starter_job(owner, limit=SLOTS)
        fits = dice.randint(1, 9)
        job.budget_usd = job.worst_item_usd * fits + Decimal("0.001")
        job.save(update_fields=["budget_usd"])
        race = Race(job, worker)
        race.run()
        assert not race.errors
        assert race.above == 0
        job.refresh_from_db()
        assert race.claimed >= min(fits, 1)
        assert job.spent <= job.budget_usd
        assert (job.in_flight, job.reserved) == (0, Decimal(0))
        BatchItem.objects.filter(job=job, status=ItemStatus.QUEUED).update(status=ItemStatus.CANCELLED)
        BatchJob.objects.filter(pk=job.pk).update(status="cancelled")
    assert_invariants()


@pytest.mark.django_db(transaction=True)
def test_one_round(owner: User) -> None:
    at_the_edge(owner, rounds=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_rounds(owner: User) -> None:
    at_the_edge(owner, rounds=200)
