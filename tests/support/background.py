"""Background jobs in a test: run one to its end, as a worker does when it is told about it."""

import threading
from uuid import uuid4

from background.models import BackgroundJob
from background.running import run_job
from background.states import OPEN


def run(job: BackgroundJob, *, stopping: threading.Event | None = None) -> BackgroundJob:
    """Run the job once; returns it as it is afterwards."""
    run_job(job.pk, worker=uuid4(), stopping=stopping or threading.Event())
    job.refresh_from_db()
    return job


def run_open_jobs() -> None:
    """Run every job that has not ended."""
    for job in BackgroundJob.objects.filter(status__in=OPEN):
        run(job)
