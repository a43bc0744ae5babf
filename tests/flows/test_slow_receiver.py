"""A webhook receiver that never ends its answer, and a hundred ended batches: single generations do not notice."""

from pathlib import Path

import pytest

from batches.actions.notices import DEADLINE_S, change_webhook
from batches.actions.single import plan_one, start_one
from batches.models import BatchItem, DeliveryState, GenerationLog, Notice
from batches.models.states import ItemStatus, JobStatus
from lorapipe.queues import Queue
from templates_app.models import PromptTemplate
from tests.factories import make_job
from tests.support.engine import running_engine
from tests.support.polling import wait_for
from tests.support.receivers import dripping
from tests.support.simulator import RunningSimulator
from workspaces.models import User, Workspace

ENDED = 100
SINGLES = 3


@pytest.mark.slow
def test_single_generations_start_while_a_receiver_drips(
    owner: User, workspace: Workspace, fast_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """Every delivery is held for its 10 seconds: the singles must be made while the first ones are still held."""
    with (
        dripping(b"") as receiver,
        running_engine(fast_simulator.url, tmp_path, LORAPIPE_WEBHOOK_HOSTS="127.0.0.1") as engine,
    ):
        change_webhook(workspace=workspace, url=receiver.url, by=None)
        for _ in range(ENDED):
            make_job(workspace=workspace, by=owner, status=JobStatus.COMPLETED)
        engine.start_dispatcher()
        engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
        wait_for(lambda: Notice.objects.count() == ENDED, seconds=60, what="all notices are made")
        wait_for(lambda: receiver.held >= 1, seconds=60, what="a delivery is held")
        items = [start_single(owner, topic=f"topic {number}") for number in range(SINGLES)]
        made = BatchItem.objects.filter(pk__in=[item.pk for item in items], status=ItemStatus.COMPLETED)
        wait_for(lambda: made.count() == SINGLES, seconds=60, what="all singles are made")
        delays = [start_delay(item) for item in items]
        print("started after", ", ".join(f"{delay:.2f} s" for delay in delays))
        assert sorted(delays)[1] < DEADLINE_S, "the median: not one of them has waited for a delivery"
        assert not Notice.objects.filter(delivery=DeliveryState.DELIVERED).exists()


def start_single(owner: User, *, topic: str) -> BatchItem:
    template = PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")
    version = template.published_version()
    assert version
    return start_one(plan_one(version, {"topic": topic, "persona": "Anxious Investor"}), by=owner)


def start_delay(item: BatchItem) -> float:
    """Seconds from the start to the announced call, by the database's clock."""
    begun = GenerationLog.objects.filter(item=item).earliest("created_at").created_at
    return float((begun - BatchItem.objects.get(pk=item.pk).created_at).total_seconds())
