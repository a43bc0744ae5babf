"""A batch whose answers are long enough to be streamed, through every way in which a stream goes wrong."""

from decimal import Decimal

from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus, LogState
from templates_app.packs.pack import load_pack
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User

LONG = 16_384
# Fault of the simulator -> state and word of the log row.
BROKEN = {
    "stream_error": (LogState.UNKNOWN, "overloaded"),
    "stream_truncated": (LogState.UNKNOWN, "connection"),
    "stream_dropped": (LogState.UNKNOWN, "connection"),
    "stream_malformed": (LogState.UNUSABLE, "unreadable"),
}
HARMLESS = ("stream_unstopped", "stream_nameless", "stream_unknown_event")


def test_broken_streams_are_booked_and_asked_again(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    kinds = [*BROKEN, *HARMLESS]
    items = load_pack().items
    fast_simulator.faults(
        [{"kind": kind, "match": item.topic} for kind, item in zip(kinds, items, strict=False)]
    )
    job = start_starter_job(owner, limit=len(kinds) + 1)
    BatchJob.objects.update(max_tokens=LONG)
    engine.start()
    job = wait_for_end(job)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, len(kinds) + 1)
    ledger = {entry["client_request_id"]: entry for entry in fast_simulator.ledger()}
    assert all(entry["stream"] for entry in ledger.values())
    _assert_broken_ones(ledger)
    for log in GenerationLog.objects.filter(state=LogState.SUCCEEDED):
        assert log.cost_usd == Decimal(ledger[str(log.pk)]["cost_usd"])
        assert bytes(log.response_body or b"").startswith((b"event:", b"data:"))
        assert log.response_payload["stop_reason"] == "end_turn"
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def _assert_broken_ones(ledger: dict[str, dict[str, str]]) -> None:
    """Never less than the ledger, and nothing more than the output that nobody knows."""
    broken = GenerationLog.objects.exclude(state=LogState.SUCCEEDED)
    assert sorted(broken.values_list("state", "error_kind")) == sorted(BROKEN.values())
    for log in broken:
        entry = ledger[str(log.pk)]
        assert log.input_tokens == entry["input_tokens"]
        billed = Decimal(entry["cost_usd"])
        assert log.cost_usd == billed if log.state == LogState.UNUSABLE else billed < log.cost_usd
        assert b"message_start" in bytes(log.response_body or b"")
