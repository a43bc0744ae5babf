"""The Celery tasks. A message carries the id of an item, of a row of prompt sizes or of a background job, and nothing else.

A task contains no rule and is safe to run twice. The work is done in `batches.engine` and in `background.running`.
"""

from uuid import UUID

from celery import shared_task

from background.running import run_job
from batches.engine import dispatch
from batches.engine.dispatch import publish
from batches.engine.generate import generate_item
from batches.engine.prompt_counts import count_prompts_of
from batches.engine.worker_registry import get_this_worker
from lorapipe.queues import Queue


@shared_task(name="batches.generate", queue=Queue.GENERATION, acks_late=False)
def generate(item_id: str) -> None:
    """Make the conversation of this item, if it is due. A message that is lost, doubled or late changes nothing.

    The slot then goes on with the next item as long as one is due. A worker that has been told to stop sends that item
    to the other workers instead.
    """
    worker = get_this_worker()
    due: UUID | None = UUID(item_id)
    while due is not None and not worker.stopping.is_set():
        due = generate_item(due, worker_id=worker.id, queue=worker.queue)
    if due is not None:
        publish(worker.queue, [due])


@shared_task(name=dispatch.COUNT, queue=Queue.INTERACTIVE, acks_late=False)
def count_prompts(row_id: str) -> None:
    """Let the provider count the prompts of this `prompt_sizes` row, if it has not yet."""
    count_prompts_of(UUID(row_id))


@shared_task(name=dispatch.BACKGROUND, queue=Queue.INTERACTIVE, acks_late=False)
def run_background_job(job_id: str) -> None:
    """Go on with this background job, if it is due, until it ends or is to give way."""
    worker = get_this_worker()
    run_job(UUID(job_id), worker=worker.id, stopping=worker.stopping)
