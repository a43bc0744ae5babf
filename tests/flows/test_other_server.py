"""A server that knows less, through ANTHROPIC_BASE_URL: no count_tokens, no schema, a model that no table ships with."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django import Settings

from batches.actions.jobs import start_batch
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus, LogState
from batches.planning.plan import PlannedItem
from claude.current_models import UnknownModel, UnknownPrice
from conversations.models import Conversation
from provider import table
from provider.check import check
from tests.factories import make_model, make_price, make_template
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.simulator import RunningSimulator
from workspaces.models import User

MODEL = "qwen-3-coder"
KEY = "sk-local-0123456789"
LESS = {"counts_tokens": False, "lists_models": False, "any_model": True, "latency": 0.05}
ALL = {"counts_tokens": True, "lists_models": True, "any_model": False, "schema": "enforced"}


@pytest.fixture
def less(fast_simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    fast_simulator.options(**LESS)
    yield fast_simulator
    fast_simulator.options(**ALL, keep_prompts=False)
    fast_simulator.reset()


@pytest.fixture
def other(
    transactional_db: None, owner: User, less: RunningSimulator, settings: Settings, tmp_path: Path
) -> Iterator[Engine]:
    """Workers and this process with the same base URL, key and model."""
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, less.url, KEY
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, anthropic_model=MODEL)
    told = {"ANTHROPIC_BASE_URL": less.url, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_MODEL": MODEL}
    with running_engine(less.url, tmp_path, **told) as started:
        yield started


def start(owner: User, *, items: int = 3) -> BatchJob:
    """From a template that says nothing about JSON."""
    workspace = owner.personal_workspace()
    version = make_template(workspace=workspace).versions.get()
    plan = [
        PlannedItem(
            position=number,
            version=version,
            tier="template",
            topic=f"debt {number}",
            parameters={"topic": f"debt {number}", "persona": "Anna"},
        )
        for number in range(1, items + 1)
    ]
    return start_batch(workspace=workspace, plan=plan, by=owner, name="elsewhere", concurrency=3)


def add_model(*, free: bool) -> None:
    row = make_model(name=MODEL)
    if free:
        make_price(model=row, free=True)
    table.publish()
    table.refresh(now=True)


@pytest.mark.parametrize("schema", ["refused", "ignored"])
def test_a_batch_on_a_server_that_knows_less(
    owner: User, other: Engine, less: RunningSimulator, schema: str
) -> None:
    less.options(schema=schema, keep_prompts=True)
    with pytest.raises(UnknownModel, match="Admin, Models"):
        start(owner)
    other.start()  # before the model is added: the engine has to notice
    add_model(free=True)
    finding = check()
    assert (finding.works, finding.counts_tokens, finding.report["simulated"]) == (True, False, True)
    less.faults([{"kind": "prose", "times": 1}, {"kind": "fence", "times": 1}])
    job = wait_for_end(start(owner))
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 3)
    assert {job.spent, job.reserved} == {Decimal(0)}
    notes = " ".join(job.estimate["notes"])
    assert "takes no schema here" in notes
    assert "estimated by their characters" in notes
    logs = list(GenerationLog.objects.all())
    assert {(log.state, log.attempt, log.cost_usd, log.model) for log in logs} == {
        (LogState.SUCCEEDED, 1, 0, MODEL)
    }
    assert {log.price_version for log in logs} == {table.load_newest().version}
    for log in logs:
        assert log.request_payload.keys() == {"model", "max_tokens", "messages"}
        assert "one JSON object and nothing else" in json.dumps(log.request_payload)
    assert Conversation.objects.count() == 3
    assert_invariants()


def test_without_a_word_about_its_price_nothing_is_asked(
    owner: User, other: Engine, less: RunningSimulator
) -> None:
    add_model(free=False)
    with pytest.raises(UnknownPrice, match="costs nothing"):
        start(owner)
    assert less.ledger() == []
    assert not BatchJob.objects.exists()


def test_a_schema_that_the_server_refuses_is_found_by_the_check(
    owner: User, other: Engine, less: RunningSimulator
) -> None:
    """The row says that it takes one; the check finds out; the workers hear of it."""
    less.options(schema="refused")
    row = make_model(name=MODEL, structured_outputs=True, counts_tokens=True)
    make_price(model=row, free=True)
    table.publish()
    table.refresh(now=True)
    set_limits(pools(), per_minute=1_000_000)
    assert check().structured_outputs is False
    other.start()
    job = wait_for_end(start(owner, items=1))
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 1)
    assert "output_config" not in GenerationLog.objects.get().request_payload
    assert_invariants()
