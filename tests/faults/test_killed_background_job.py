"""SIGKILL of the worker in the middle of a background job: another one goes on, and nothing is done twice."""

from typing import Any

import pytest

from background.models import BackgroundJob
from background.states import OPEN, JobState
from conversations.jobs.rescore import start_rescore
from conversations.states import Status
from lorapipe.queues import Queue
from tests.factories import make_conversation
from tests.support.engine import Engine
from tests.support.polling import wait_for
from workspaces.models import AuditEntry, User

pytestmark = pytest.mark.slow
COUNT = 400
TEXTS = [
    "Could you tell me, please, what I have to pay?" * 20,
    "I'm sorry, but I can't help with that request.",
] * 6


def test_it_goes_on_where_it_was(owner: User, engine: Engine) -> None:
    for _ in range(COUNT):
        make_conversation(by=owner, turns=TEXTS, status=Status.GENERATED)
    engine.start_dispatcher()
    worker: Any = engine.start_worker(queue=Queue.INTERACTIVE, slots=3)
    job = start_rescore(workspace=owner.personal_workspace(), by=owner)
    rows = BackgroundJob.objects.filter(pk=job.pk)
    wait_for(lambda: rows.get().done, what="the first step is done")
    engine.kill(worker)
    reached = rows.get()
    assert reached.status == JobState.RUNNING, "it was killed in the middle"
    engine.start_worker(queue=Queue.INTERACTIVE, slots=3)
    wait_for(lambda: rows.get().status not in OPEN, seconds=60, what="another worker ends it")
    ended = rows.get()
    assert (ended.status, ended.done, ended.result["scored"]) == (JobState.COMPLETED, COUNT, COUNT)
    assert ended.worker != reached.worker
    history = AuditEntry.objects.filter(action="rescore").values_list("target_id", flat=True)
    assert len(history) == len(set(history)) == COUNT
