"""The engine's steps, which a test executes one by one without a worker process."""

from pytest_django import Settings

from batches.engine.calls import prepare_item
from batches.engine.claim import Claim, claim
from batches.engine.file import file, read_reply
from batches.engine.reap import reap
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from claude.messages import Reply
from tests.support.replies import make_reply


def claim_item(job: BatchJob, worker: Worker, *, position: int = 1) -> Claim:
    """Claim the job's item at a position."""
    call = prepare_item(job.items.get(position=position).pk)
    assert call
    found = claim(call, worker_id=worker.pk)
    assert found
    return found


def file_reply(claimed: Claim, reply: Reply | None = None) -> None:
    file(claimed, read_reply(claimed.call, reply or make_reply()))


def state_of(claimed: Claim) -> tuple[str, str]:
    """The status of the item and the state of the claim's log."""
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    return item.status, GenerationLog.objects.get(pk=claimed.call.log_id).state


def lose_worker(worker: Worker, settings: Settings) -> None:
    """As after a SIGKILL: the row stays, its heartbeat becomes stale, and the next reap finds it."""
    settings.ENGINE_START_GRACE_S = -1e9
    Worker.objects.filter(pk=worker.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    assert reap() >= 1
    Worker.objects.filter(pk=worker.pk).update(heartbeat_at="2100-01-01T00:00:00Z")
