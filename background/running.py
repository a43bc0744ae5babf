"""Run background jobs: choose those that are due, claim one, go through its steps, and give it back or end it.

The row decides, as for the items of batches: a message names a job, and the worker claims exactly that row by
compare-and-swap. A claim is a lease that every step renews. When a worker dies, the lease ends and the next worker goes on
where the last finished step has ended; a step of the old claim that still runs then finds another token and is taken back.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.models import F, Q

from background.kinds import Kind, find_kind
from background.models import BackgroundJob
from background.states import JobState
from workspaces.models import ClockTimestamp, Membership, User

logger = logging.getLogger(__name__)

SLICE_S = 10.0  # after so long a job gives way to another one that is due
MOST_FAILURES = 5  # in a row, without a finished step between them
AGAIN_AFTER_S = 5.0  # a job that broke off is due again
# The database is away, has resolved a deadlock, or a lock was not to be had in time: the step is done again later.
BROKEN_OFF = (OperationalError, InterfaceError, InternalError)

DUE = """
(status = 'queued' AND (run_after IS NULL OR run_after <= clock_timestamp())
 -- or its worker is gone: the lease is over
 OR status = 'running' AND lease_until <= clock_timestamp())
"""
HAS_DUE = f"SELECT EXISTS (SELECT FROM background_jobs WHERE status IN ('queued', 'running') AND {DUE})"  # noqa: S608
HAS_OTHERS = HAS_DUE.replace("WHERE", "WHERE id <> %(id)s AND", 1)
TAKE_DUE = f"""
UPDATE background_jobs SET dispatched_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT j.id FROM background_jobs j
     WHERE status IN ('queued', 'running') AND {DUE}
       -- the message of the last time may still be on its way
       AND (dispatched_at IS NULL OR dispatched_at < now() - make_interval(secs => %(again_s)s))
     -- first the workspace that has waited longest, in it the job that has
     ORDER BY (SELECT max(o.claimed_at) FROM background_jobs o WHERE o.workspace_id = j.workspace_id) NULLS FIRST,
              j.claimed_at NULLS FIRST, j.created_at
     -- as many as may run, less those that run, and those whose message is on its way
     LIMIT greatest(0, %(at_once)s
           - (SELECT count(*) FROM background_jobs r WHERE r.status = 'running' AND r.lease_until > clock_timestamp())
           - (SELECT count(*) FROM background_jobs d WHERE d.status = 'queued'
                 AND d.dispatched_at >= now() - make_interval(secs => %(again_s)s)))
       FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""  # noqa: S608  constants alone
CLAIM = f"""
UPDATE background_jobs SET status = 'running', token = %(token)s, worker = %(worker)s,
       claimed_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
       started_at = coalesce(started_at, clock_timestamp()), dispatched_at = NULL, run_after = NULL,
       -- it was running: its worker has died with it
       failures = failures + (status = 'running')::int
 WHERE id = %(id)s AND {DUE}
RETURNING failures
"""  # noqa: S608


class JobFailed(Exception):
    """Raised by a kind whose work cannot be done. The message says why, in plain words."""


class Ended(Exception):
    """Raised by a step that may not begin: the job was cancelled, given to another worker, or is to wait. Kinds let it pass."""


class Cancelled(Ended):
    """A person has cancelled the job."""


class Released(Ended):
    """The worker is to stop, or another job has its turn. The job is queued again."""


class LeaseLost(Ended):
    """Another worker has the job, or it was ended."""


@dataclass
class Step:
    """What one step tells about itself: `done` more of the total, `place` for the next step, and `result` to keep.

    A number in `result` is added to the one that is there; anything else replaces it.
    """

    done: int = 0
    place: dict[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)


class RunningJob:
    """A claimed job, for its kind."""

    def __init__(self, row: BackgroundJob, *, token: UUID, stopping: threading.Event) -> None:
        self.row = row
        self.token = token
        self._stopping = stopping
        self._slice_ends = time.monotonic() + SLICE_S

    @property
    def workspace(self) -> UUID:
        """All that the job reads or changes belongs to this workspace."""
        return self.row.workspace_id

    @property
    def by(self) -> User | None:
        return self.row.created_by

    @property
    def parameters(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.row.parameters
        return found

    @property
    def place(self) -> Mapping[str, Any]:
        """Where the next step begins; empty at the beginning."""
        found: Mapping[str, Any] = self.row.place
        return found

    def set_total(self, total: int) -> None:
        """Say how many there are to do."""
        self._write(total=total)
        self.row.total = total

    @contextmanager
    def step(self, *, gives_way: bool = True) -> Iterator[Step]:
        """One step, in a transaction with its progress. Raises Ended when the job is not to go on.

        `gives_way`: whether another job may have its turn before this step. No for steps that write one file together, which
        would have to begin anew.
        """
        self._check(gives_way=gives_way)
        step = Step()
        with transaction.atomic():
            yield step
            self._save(step)

    def count_done(self, count: int) -> None:
        """A step that adds to the progress alone, for work that writes one file and was done just now. Raises Ended."""
        with self.step(gives_way=False) as step:
            step.done = count

    def _check(self, *, gives_way: bool) -> None:
        """Whether the next step may begin."""
        now = (
            BackgroundJob.objects.values_list("token", "status", "cancel_asked_at")
            .filter(pk=self.row.pk)
            .first()
        )
        if now is None or now[:2] != (self.token, JobState.RUNNING):
            raise LeaseLost
        if now[2] is not None:
            raise Cancelled
        if self._stopping.is_set():
            raise Released
        if gives_way and time.monotonic() > self._slice_ends:
            if _ask(HAS_OTHERS, id=self.row.pk):
                raise Released
            self._slice_ends = time.monotonic() + SLICE_S

    def _save(self, step: Step) -> None:
        row = self.row
        done, result = row.done + step.done, _add(row.result, step.result)
        place = row.place if step.place is None else step.place
        self._write(done=done, place=place, result=result, failures=0)
        row.done, row.place, row.result = done, place, result

    def _write(self, **fields: Any) -> None:
        lease = ClockTimestamp() + timedelta(seconds=settings.ENGINE_STALE_S)
        mine = BackgroundJob.objects.filter(pk=self.row.pk, token=self.token, status=JobState.RUNNING)
        if not mine.update(lease_until=lease, **fields):
            raise LeaseLost

    def end(self, status: JobState, **fields: Any) -> None:
        """Give the row up in this status. Nothing happens when another worker has it."""
        fields |= {"token": None, "lease_until": None, "dispatched_at": None}
        if status != JobState.QUEUED:
            fields["ended_at"] = ClockTimestamp()
        mine = BackgroundJob.objects.filter(pk=self.row.pk, token=self.token, status=JobState.RUNNING)
        mine.update(status=status, **fields)


# --- for the dispatcher ----------------------------------------------------------------------------------


def has_due() -> bool:
    return _ask(HAS_DUE)


def take_due(*, at_once: int) -> list[UUID]:
    """The jobs to tell a worker about, so that `at_once` run at the same time. Publish them after the commit."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_DUE, {"at_once": at_once, "again_s": settings.ENGINE_DISPATCH_AGAIN_S})
        return [row[0] for row in cursor.fetchall()]


def end_leases(workers: Collection[UUID]) -> int:
    """The jobs of these workers, which have ended, may be claimed at once. Returns how many there are."""
    mine = BackgroundJob.objects.filter(status=JobState.RUNNING, worker__in=workers)
    return mine.update(lease_until=ClockTimestamp())


# --- for the worker --------------------------------------------------------------------------------------


def run_job(key: UUID, *, worker: UUID, stopping: threading.Event) -> None:
    """Claim this job and run it, to its end or until it is to give way. A job that is not due is left alone."""
    job = claim(key, worker=worker, stopping=stopping)
    if job is None:
        return
    try:
        kind = _admit(job.row)
        kind.run(job)
        job.end(JobState.COMPLETED)
    except Cancelled:
        job.end(JobState.CANCELLED)
    except Released:
        job.end(JobState.QUEUED)
    except LeaseLost:
        logger.warning("Background job %s has been given to another worker", key)
    except JobFailed as wrong:
        job.end(JobState.FAILED, error=str(wrong))
    except BROKEN_OFF as problem:
        _try_again_later(job, problem)
    except Exception as bug:
        logger.exception("Background job %s failed", key)
        job.end(
            JobState.FAILED,
            error=f"This is a defect of LoRAPipe ({type(bug).__name__}). What was done stays done.",
        )


def claim(key: UUID, *, worker: UUID, stopping: threading.Event) -> RunningJob | None:
    """Take the job, if it is due. One that has broken off too often fails; one whose cancelling was asked ends."""
    token = uuid4()
    values: dict[str, Any] = {"id": key, "token": token, "worker": worker, "lease_s": settings.ENGINE_STALE_S}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        if cursor.fetchone() is None:
            return None
    job = RunningJob(
        BackgroundJob.objects.select_related("created_by").get(pk=key), token=token, stopping=stopping
    )
    if job.row.cancel_asked_at is not None:
        job.end(JobState.CANCELLED)
    elif job.row.failures >= MOST_FAILURES:
        job.end(
            JobState.FAILED, error=f"It broke off {MOST_FAILURES} times in a row. What was done stays done."
        )
    else:
        return job
    return None


def _admit(row: BackgroundJob) -> Kind:
    """The kind of the job. Raises JobFailed when there is none, or when the person may not do this any more."""
    kind = find_kind(row.kind)
    if kind is None:
        raise JobFailed(f"This version of LoRAPipe has no background job of the kind {row.kind}.")
    member = Q(workspace=row.workspace_id, user=row.created_by_id, role__in=list(kind.roles))
    if not row.by_system and not Membership.objects.filter(member).exists():
        raise JobFailed("Whoever started it may not do this in the workspace any more.")
    return kind


def _try_again_later(job: RunningJob, problem: Exception) -> None:
    """The step was taken back as a whole. If the database is away, the lease ends by itself."""
    logger.warning("Background job %s broke off (%s)", job.row.pk, problem)
    try:
        job.end(
            JobState.QUEUED,
            failures=F("failures") + 1,
            run_after=ClockTimestamp() + timedelta(seconds=AGAIN_AFTER_S),
        )
    except BROKEN_OFF:
        connection.close()


def _add(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    added = {
        name: before.get(name, 0) + value
        if type(value) is int and type(before.get(name, 0)) is int
        else value
        for name, value in more.items()
    }
    return {**before, **added}


def _ask(question: str, **values: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return bool(cursor.fetchone()[0])
