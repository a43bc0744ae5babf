"""Whatever comes back: a stored log row with a clear word for it, or a clean conversation; never half of one."""

import pytest

from batches.models import BatchItem, GenerationLog
from batches.models.states import ItemStatus, JobStatus, LogState
from conversations.models import Conversation
from templates_app.packs.pack import load_pack
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User

CLEAN = ("fence", "prose")
# Fault of the simulator -> the word on the log row.
UNUSABLE = {
    "truncated_json": "unreadable",
    "wrong_roles": "failed_check",
    "empty": "unreadable",
    "nul": "bad_characters",
    "surrogate": "bad_characters",
    "unresolved_placeholder": "failed_check",
    "max_tokens": "max_tokens",
    "not_json_body": "unreadable",
}


@pytest.mark.parametrize("kind", CLEAN)
def test_a_packaged_reply_is_read(
    kind: str, owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": kind, "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=3))
    assert job.completed_items == 3
    assert set(GenerationLog.objects.values_list("state", "attempt")) == {(LogState.SUCCEEDED, 1)}
    assert_invariants()


def test_each_unusable_reply_is_kept_and_asked_again(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """One fault of each kind over a batch: every reply is stored with its word and its price, every item succeeds."""
    items = load_pack().items
    fast_simulator.faults(
        [{"kind": kind, "match": item.topic} for kind, item in zip(UNUSABLE, items, strict=False)]
    )
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=len(UNUSABLE) + 2))
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, len(UNUSABLE) + 2)
    bad = GenerationLog.objects.filter(state=LogState.UNUSABLE)
    assert sorted(bad.values_list("error_kind", flat=True)) == sorted(UNUSABLE.values())
    for log in bad:
        assert log.response_body
        assert log.cost_usd > 0
        assert log.error_message
        assert log.conversation_id is None
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def test_a_reply_of_two_megabytes(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    fast_simulator.faults([{"kind": "huge", "times": 1}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=2))
    assert job.completed_items == 2
    biggest = max(len(log.response_body or b"") for log in GenerationLog.objects.all())
    assert biggest > 1_900_000
    assert_invariants()


def test_unusable_for_ever_ends_after_three_replies(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "truncated_json", "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=2))
    assert (job.status, job.failed_items) == (JobStatus.COMPLETED, 2)
    item = BatchItem.objects.first()
    assert item
    assert (item.status, item.error_kind, item.logs.count()) == (ItemStatus.FAILED, "unreadable", 3)
    assert not Conversation.objects.exists()
    assert_invariants()


def test_a_cut_reply_is_asked_again_once_with_twice_the_room(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "max_tokens", "times": 0}])
    engine.start()
    wait_for_end(start_starter_job(owner, limit=1))
    item = BatchItem.objects.get()
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "max_tokens")
    assert list(item.logs.order_by("created_at").values_list("max_tokens", flat=True)) == [8192, 16384]
    assert [entry["stream"] for entry in fast_simulator.ledger()] == [False, True], (
        "the second is long enough"
    )
    assert_invariants()


def test_a_refusal_is_final(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    fast_simulator.faults([{"kind": "refusal", "times": 1}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=3, concurrency=1))
    assert (job.completed_items, job.failed_items) == (2, 1)
    refused = GenerationLog.objects.get(error_kind="declined")
    assert (refused.stop_reason, refused.state) == ("refusal", LogState.UNUSABLE)
    assert refused.cost_usd > 0
    assert refused.item
    assert refused.item.logs.count() == 1
    assert_invariants()
