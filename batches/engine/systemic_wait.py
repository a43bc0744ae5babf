"""Stop the jobs of a pool in which every call was refused for an hour (docs/execution.md section 6).

Refusals that only ask to wait (429, 503, 529) cost no attempt, so without this rule such a job would wait for ever.
`ProviderPool.waiting_since` is when the first refusal since the last reply came; it is empty while replies come.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Coalesce

from batches.limits.pools import pool_or_none
from batches.models import BatchJob, ProviderPool
from batches.models.states import RUNNING, JobStatus, Reason
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

NOTE = "Not one reply came: the provider answered every call with a refusal that asks to wait."


def stop_waiting_jobs() -> int:
    """Fail the running jobs whose pool has given no reply for an hour (ENGINE_SYSTEMIC_WAIT_S). Returns how many.

    Only jobs that have run for as long are stopped. The pool's waiting time then starts anew, so that a job which a
    person resumes may wait for another hour.
    """
    since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_SYSTEMIC_WAIT_S)
    waiting = list(ProviderPool.objects.filter(waiting_since__lt=since).values_list("pool", flat=True))
    return sum(_stop(pool) for pool in waiting)


def _stop(pool: str) -> int:
    since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_SYSTEMIC_WAIT_S)
    running = BatchJob.objects.annotate(began=Coalesce("started_at", "created_at")).filter(
        status__in=RUNNING, began__lt=since
    )
    stopped = 0
    for job_id, model, key in running.order_by("id").values_list("pk", "model", "workspace__provider_key"):
        if (
            pool_or_none(model, key) == pool
        ):  # one transaction for each job: several jobs in one would deadlock with moves of their items
            stopped += BatchJob.objects.filter(pk=job_id, status__in=RUNNING).stop(
                status=JobStatus.FAILED, reason=Reason.SYSTEMIC_WAIT, note=NOTE
            )
    if stopped:
        logger.warning("The pool %s gave no reply for too long: %d jobs are stopped", pool, stopped)
        ProviderPool.objects.filter(pool=pool).update(waiting_since=None)
    return stopped
