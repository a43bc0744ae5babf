"""Garbage in the broker's lists between the messages of a batch: the workers live, and the batch is completed."""

import json
import os
from typing import Any

import redis

from batches.models import Worker
from batches.models.states import JobStatus
from lorapipe.queues import Queue
from tests.lib.untrusted.test_broker import GARBAGE, make_message
from tests.support.engine import Engine, wait_for_end
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

BYTES = [b"", b"garbage", b"\x00\xff\xfe", b"{", b"[" * 200_000, b"9" * 10_000, b'"\\ud800"', b"NaN"]


def test_garbage_ends_no_worker(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    worker = engine.start(slots=4)
    single = engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    client: Any = redis.Redis.from_url(os.environ["REDIS_URL"])
    unknown = make_message(headers={**make_message()["headers"], "task": "batches.deliver"})
    wrong = [make_message(args=["no id"]), make_message(args=[]), make_message(args=["x", "y"]), unknown]
    for each in [*BYTES, *(json.dumps(each).encode() for each in [*GARBAGE, *wrong])]:
        for queue in Queue:
            client.lpush(f"lorapipe:{queue.value}", each)
    job = start_starter_job(owner, limit=12)
    assert wait_for_end(job).status == JobStatus.COMPLETED
    wait_for(lambda: not any(client.llen(f"lorapipe:{queue.value}") for queue in Queue), what="all is read")
    client.close()
    assert (worker.poll(), single.poll()) == (None, None)
    assert Worker.live().exclude(queues=[]).count() == 2  # the dispatcher has a row too, and serves no queue
    assert "A message that cannot be read was dropped" in engine.output()
