"""The provider fails in the middle of a batch: a refused key, and connections that break after the bill."""

from batches.actions.jobs import resume
from batches.models import GenerationLog
from batches.models.states import JobStatus, LogState, Reason
from conversations.models import Conversation
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User

RESETS = 4


def test_the_key_is_refused_in_the_middle_and_connections_break_after_the_bill(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=0.1)
    fast_simulator.faults(
        [
            {"kind": "reset_after", "after": 5, "times": RESETS},
            {"kind": "unauthorized", "after": 20, "times": 0},
        ]
    )
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=40, concurrency=4))
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.PROVIDER_AUTH, 0)
    assert 0 < job.completed_items < 40
    assert_invariants()
    fast_simulator.faults([])
    resume(job, by=owner)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert job.completed_items == Conversation.objects.count() == 40
    lost = GenerationLog.objects.filter(state=LogState.UNKNOWN)
    assert lost.count() == RESETS, "each is booked at its worst case, since nobody knows"
    billed = [entry for entry in fast_simulator.ledger() if entry["billed"]]
    assert len(billed) == 40 + RESETS, "unavoidable: the answer went down with the connection"
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
