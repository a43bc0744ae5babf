"""Injects faults into a running engine and notes which calls were in flight, against which repeated payments are measured.

Used by tests/faults/ (short) and by bench/faults.py (long).
"""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from batches.models import BatchJob, GenerationLog
from batches.models import Worker as WorkerRow
from tests.support.engine import Engine
from tests.support.fork_server import Process
from tests.support.own_servers import OwnServers
from tests.support.polling import wait_for

T = TypeVar("T")
Worker = Process
FAULTS = ("kill", "freeze", "backend", "postgres", "flush", "valkey", "dispatcher")


def retry_while_away(ask: Callable[[], T], *, seconds: float = 60) -> T:
    """The answer of the database; tried again while its connection is lost."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.1)


def find_pending_logs(worker: Worker) -> set[str]:
    """Our ids of the calls that this process has begun and not ended, those included that the dispatcher has released since."""

    def ask() -> set[str]:
        begun = GenerationLog.objects.filter(worker__pid=worker.pid)
        left = begun.filter(Q(state="pending") | Q(error_kind="crashed"))
        return {str(pk) for pk in left.values_list("pk", flat=True)}

    return retry_while_away(ask)


@dataclass
class FaultInjector:
    """`excused` are the calls that were in flight at a kill or a stop: each may have been paid without its reply being stored."""

    engine: Engine
    servers: OwnServers
    rng: Random
    slots: int = 6
    stale_s: float = settings.ENGINE_STALE_S
    workers: list[Worker] = field(default_factory=list)
    dispatcher: Worker | None = None
    frozen: dict[int, float] = field(default_factory=dict)
    excused: set[str] = field(default_factory=set)
    made: Counter[str] = field(default_factory=Counter)

    def start(self, *, workers: int) -> None:
        self.dispatcher = self.engine.start_dispatcher()
        self.workers = [self.engine.start_worker(slots=self.slots) for _ in range(workers)]

    def inject(self, fault: str) -> None:
        """Inject one fault. Workers that have been stopped for long enough are resumed first."""
        self.resume_frozen()
        moves: dict[str, Callable[[], object]] = {
            "kill": self.kill,
            "freeze": self.freeze,
            "backend": lambda: retry_while_away(lambda: self.servers.kill_backends(1)),
            "postgres": self.servers.restart_postgres,
            "flush": self.servers.flush_valkey,
            "valkey": self.servers.restart_valkey,
            "dispatcher": self.kill_dispatcher,
        }
        moves[fault]()
        self.made[fault] += 1

    def kill(self) -> None:
        """SIGKILL of a worker; another one replaces it."""
        worker = self._awake()
        self.engine.kill(worker)
        self.excused |= find_pending_logs(worker)
        self.workers[self.workers.index(worker)] = self.engine.start_worker(slots=self.slots, wait=False)

    def freeze(self) -> None:
        """SIGSTOP of a worker for longer than its lease."""
        worker = self._awake()
        worker.send_signal(signal.SIGSTOP)
        self.excused |= find_pending_logs(worker)
        self.frozen[worker.pid] = time.monotonic() + 1.5 * self.stale_s

    def resume_frozen(self, *, wait: bool = False) -> None:
        for worker in self.workers:
            until = self.frozen.get(worker.pid)
            if until is not None and (wait or time.monotonic() >= until):
                time.sleep(max(0.0, until - time.monotonic()))
                self.excused |= find_pending_logs(worker)
                worker.send_signal(signal.SIGCONT)
                del self.frozen[worker.pid]

    def kill_dispatcher(self) -> None:
        assert self.dispatcher is not None
        self.engine.kill(self.dispatcher)
        self.dispatcher = self.engine.start_dispatcher()

    def _awake(self) -> Worker:
        """A worker that is registered and not stopped; when all others are stopped, they are resumed first."""
        if len(self.frozen) >= len(self.workers) - 1:
            self.resume_frozen(wait=True)
        awake = wait_for(lambda: retry_while_away(self._signed_on), seconds=90, what="a worker signs on")
        return self.rng.choice(awake)

    def _signed_on(self) -> list[Worker]:
        pids = set(WorkerRow.objects.filter(stopped_at=None).values_list("pid", flat=True))
        return [each for each in self.workers if each.pid in pids and each.pid not in self.frozen]


@dataclass(frozen=True, kw_only=True)
class PaidAgain:
    """Calls that were billed beyond one for each item. `unexcused` were in flight at no kill and no stop."""

    billed: int
    again: int
    unexcused: int


def count_paid_again(ledger: list[dict[str, Any]], excused: set[str]) -> PaidAgain:
    """From the ledger, joined to the logs by our own id of each call."""
    items = {str(log): item for log, item in GenerationLog.objects.values_list("pk", "item_id")}
    calls: dict[object, list[str]] = defaultdict(list)
    for entry in ledger:
        if entry["billed"]:
            calls[items[entry["client_request_id"]]].append(entry["client_request_id"])
    again = {item: len(made) - 1 for item, made in calls.items()}
    unexcused = {item: max(0, again[item] - len(excused.intersection(made))) for item, made in calls.items()}
    return PaidAgain(
        billed=sum(map(len, calls.values())), again=sum(again.values()), unexcused=sum(unexcused.values())
    )


def wait_for_completion(job: BatchJob, *, seconds: float) -> BatchJob:
    """Like `wait_for_end`, for a database that may be restarting."""

    def ended() -> bool:
        retry_while_away(job.refresh_from_db)
        return job.status not in ("queued", "processing") and job.in_flight == 0

    wait_for(
        ended,
        seconds=seconds,
        every=0.2,
        what=f"the job ends ({job.status}, {job.completed_items} completed)",
    )
    return job
