"""The end of patience: a pool that has given nothing but refusals for an hour stops its jobs (docs/execution.md section 6)."""

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
    """Fail the jobs that have waited too long for a first reply, with the reason; resume continues. Returns how many.

    The waiting is then forgotten, so that a job that is resumed has the whole time again.
    """
    since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_SYSTEMIC_WAIT_S)
    silent = list(ProviderPool.objects.filter(waiting_since__lt=since).values_list("pool", flat=True))
    return sum(_stop(pool) for pool in silent)


def _stop(pool: str) -> int:
    since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_SYSTEMIC_WAIT_S)
    running = BatchJob.objects.annotate(began=Coalesce("started_at", "created_at")).filter(
        status__in=RUNNING, began__lt=since
    )
    stopped = 0
    for job_id, model, key in running.order_by("id").values_list("pk", "model", "workspace__provider_key"):
        if pool_or_none(model, key) == pool:  # each job in a transaction of its own: two orders deadlock
            stopped += BatchJob.objects.filter(pk=job_id, status__in=RUNNING).update(
                status=JobStatus.FAILED,
                reason=Reason.SYSTEMIC_WAIT,
                reason_note=NOTE,
                stopped_at=ClockTimestamp(),
            )
    if stopped:
        logger.warning("The pool %s gave no reply for too long: %d jobs are stopped", pool, stopped)
        ProviderPool.objects.filter(pool=pool).update(waiting_since=None)
    return stopped
