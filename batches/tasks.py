"""What the queues carry: the name of an item, or of a notice. A task holds no rule; `batches.engine.generate` does the work."""

from uuid import UUID

from celery import shared_task

from batches.actions import notices
from batches.engine import dispatch
from batches.engine.dispatch import publish
from batches.engine.generate import generate_item
from batches.engine.prompt_counts import count_prompts_of
from batches.engine.worker_registry import get_this_worker
from lorapipe.queues import Queue


@shared_task(name="batches.generate", queue=Queue.GENERATION, acks_late=False)
def generate(item_id: str) -> None:
    """A hint that this item may be due. Lost, doubled, late or reordered, it changes nothing.

    The slot goes on with the next item as long as one is due; a worker that is told to end leaves it to the others.
    """
    worker = get_this_worker()
    due: UUID | None = UUID(item_id)
    while due is not None and not worker.stopping.is_set():
        due = generate_item(due, worker_id=worker.id, queue=worker.queue)
    if due is not None:
        publish(worker.queue, [due])


@shared_task(name=notices.DELIVER, queue=Queue.INTERACTIVE, acks_late=False)
def deliver(notice_id: str) -> None:
    """A hint that this notice is to be sent to its workspace's webhook."""
    notices.deliver(UUID(notice_id))


@shared_task(name=dispatch.COUNT, queue=Queue.INTERACTIVE, acks_late=False)
def count_prompts(row_id: str) -> None:
    """A hint that the prompts of this template version are to be counted."""
    count_prompts_of(UUID(row_id))
