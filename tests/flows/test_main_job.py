"""The main job, whole: plan -> PostgreSQL -> message -> worker -> SDK over HTTP -> conversations with turns."""

from decimal import Decimal

from batches.models import BatchItem, GenerationLog
from batches.models.states import JobStatus, LogState
from conversations.models import Conversation, Turn
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User


def test_the_starter_plan_is_generated_whole(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    engine.start()
    job = wait_for_end(start_starter_job(owner))
    assert (job.status, job.completed_items, job.failed_items) == (JobStatus.COMPLETED, 90, 0)
    tiers = [Conversation.objects.filter(tier=tier).count() for tier in ("template", "scenario", "edge_case")]
    assert tiers == [40, 35, 15]
    _assert_well_formed()
    _assert_money_agrees(job.spent, fast_simulator)
    assert_invariants()


def _assert_well_formed() -> None:
    for conversation in Conversation.objects.prefetch_related("turns"):
        roles = [turn.role for turn in conversation.turns.all()]
        assert roles == ["user", "assistant"] * (len(roles) // 2), conversation
        assert conversation.simulated
        assert conversation.status in ("generated", "pending_review", "needs_revision")
    assert not Turn.objects.filter(content="").exists()


def _assert_money_agrees(spent: Decimal, simulator: RunningSimulator) -> None:
    """Ledger and log agree call by call, and their sums are the job's cost."""
    billed = {
        entry["request_id"]: Decimal(entry["cost_usd"]) for entry in simulator.ledger() if entry["billed"]
    }
    logged = dict(
        GenerationLog.objects.filter(state=LogState.SUCCEEDED).values_list("provider_request_id", "cost_usd")
    )
    assert billed == logged
    assert (
        sum(billed.values()) == spent == sum(each.actual_cost_usd or 0 for each in Conversation.objects.all())
    )
    assert_billed_is_logged(simulator.ledger())


def test_every_item_keeps_its_human_id(owner: User, engine: Engine) -> None:
    engine.start()
    wait_for_end(start_starter_job(owner, limit=6))
    frozen = set(BatchItem.objects.values_list("id", "conversation_id"))
    assert frozen == set(Conversation.objects.values_list("batch_item_id", "conversation_id"))
