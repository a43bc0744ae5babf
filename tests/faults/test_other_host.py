"""A worker on another machine needs the two URLs, the key and nothing else; its clock may be minutes wrong."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batches.models import GenerationLog, Worker
from batches.models.states import JobStatus
from conversations.models import Conversation
from tests.support import engine as engines
from tests.support.engine import running_engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.other_host import OtherHost, clock_library, other_host, why_not
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

WRONG_BY = "+7m"


@pytest.fixture
def host() -> Iterator[OtherHost]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    if clock_library() is None:
        print(
            "Its clock is right: no libfaketime (Debian: apt install libfaketime, or LIBFAKETIME=/path/to.so.1)"
        )
    with other_host() as made:
        yield made


def seen_from(host: OtherHost, url: str) -> str:
    """The same service, at our address on the cable."""
    port = urlsplit(url).port
    assert port
    return re.sub(r"127\.0\.0\.1:\d+", f"{host.address}:{host.reach(port)}", url)


@pytest.mark.slow
def test_a_worker_elsewhere_with_a_wrong_clock_finishes_a_batch(
    transactional_db: None,
    owner: User,
    fast_simulator: RunningSimulator,
    host: OtherHost,
    tmp_path: Path,
) -> None:
    provider = seen_from(host, fast_simulator.url)
    key = {"ANTHROPIC_API_KEY": "sk-of-the-installation", "ANTHROPIC_BASE_URL": provider}
    with running_engine(fast_simulator.url, tmp_path, **key) as engine:
        engine.start_dispatcher()
        engine.environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": seen_from(host, engines.database_url()),
            "REDIS_URL": seen_from(host, os.environ["REDIS_URL"]),
            "LORAPIPE_TIME_SCALE": "20",
            **key,
        }
        worker = [sys.executable, "-m", "celery", "-A", "lorapipe", "worker", "-P", "threads", "-c", "8"]
        engine._start("elsewhere", host.command([*worker, "-Q", "generation", "-l", "INFO"], clock=WRONG_BY))
        wait_for(Worker.objects.exists, seconds=90, what="the worker signs on")
        job = wait_for_end(start_starter_job(owner, limit=30, concurrency=8), seconds=90)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 30)
    assert Conversation.objects.count() == 30
    assert not GenerationLog.objects.exclude(state="succeeded").exists(), "nobody took it for dead"
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
