"""From an estimate to counted prompts: the dispatcher tells, the interactive worker asks; no page has waited."""

from datetime import date

from batches.models import PromptSize
from batches.planning.estimate.estimate import estimate
from batches.planning.plan import starter_plan
from lorapipe.queues import Queue
from tests.support.engine import Engine
from tests.support.polling import wait_for
from workspaces.models import User


def test_an_estimate_has_its_prompts_counted(owner: User, engine: Engine) -> None:
    plan = starter_plan(owner.personal_workspace(), limit=3)

    def counted() -> bool:
        return not PromptSize.objects.filter(counted_at=None).exists()

    def basis() -> str:
        on = date(2026, 11, 22)
        return estimate(plan, model="claude-sonnet-5-5", max_tokens=8192, concurrency=1, on=on).basis

    assert "by their length" in basis()
    assert not counted()
    engine.start_dispatcher()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    wait_for(counted, seconds=60, what="the prompts are counted")
    assert "as the provider counts them" in basis()
