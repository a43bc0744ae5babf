"""A batch whose prompts share 4,000 tokens: one call writes them, the others read them, to the ledger's cent."""

from decimal import Decimal

from django.test import Client

from batches.actions.jobs import start_batch
from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus, LogState
from batches.planning.plan import PlannedItem
from batches.reports.token_usage import tokens_of
from templates_app.text.rendering import Variable
from tests.factories import make_template
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.simulator import RunningSimulator
from workspaces.models import User

TOKENS, CHARACTERS_A_TOKEN = 4_000, 2.5
RULE = "An advisor listens first, asks one question at a time and never names a product. \n"
RULES = RULE * (int(TOKENS * CHARACTERS_A_TOKEN) // len(RULE) + 1)


def start(owner: User, *, items: int, concurrency: int = 10) -> BatchJob:
    workspace = owner.personal_workspace()
    version = make_template(
        workspace=workspace, text=RULES + "Topic: {{topic}}", variables=[Variable("topic")]
    ).versions.get()
    plan = [
        PlannedItem(
            position=n,
            tier="template",
            version=version,
            topic=f"budget {n}",
            parameters={"topic": f"budget {n}"},
        )
        for n in range(1, items + 1)
    ]
    return start_batch(
        workspace=workspace,
        plan=plan,
        by=owner,
        name="shared",
        concurrency=concurrency,
        budget_usd=Decimal(50),
    )


def test_all_but_the_first_of_a_hundred_read_the_cache(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    job = start(owner, items=100)
    engine.start()
    job = wait_for_end(job, seconds=240)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 100)
    ledger = fast_simulator.ledger()
    reading = [entry for entry in ledger if entry["cache_read"] >= TOKENS]
    assert len(reading) >= 0.95 * len(ledger), [entry["cache_read"] for entry in ledger[:20]]
    assert sum(entry["cache_write_5m"] > 0 for entry in ledger) == 1
    _assert_money_agrees(job, ledger)
    _assert_the_job_shows_it(owner, job)
    assert_billed_is_logged(ledger)
    assert_invariants()


def _assert_money_agrees(job: BatchJob, ledger: list[dict[str, str]]) -> None:
    """Call by call, and in sum."""
    billed = {entry["request_id"]: Decimal(entry["cost_usd"]) for entry in ledger if entry["billed"]}
    logs = GenerationLog.objects.filter(state=LogState.SUCCEEDED)
    assert billed == dict(logs.values_list("provider_request_id", "cost_usd"))
    assert job.spent == sum(billed.values())


def _assert_the_job_shows_it(owner: User, job: BatchJob) -> None:
    tokens = tokens_of(job)
    # Of Sonnet 5.5: a write costs 0.5 more than input and a read 1.9 less, in dollars a million.
    million = Decimal(1_000_000)
    expected = (tokens.cache_read * Decimal("1.9") - tokens.cache_write * Decimal("0.5")) / million
    assert tokens.saved == expected > Decimal("0.7")
    assert tokens.read_percent > 80
    web = Client()
    web.force_login(owner)
    page = web.get(f"/batches/{job.pk}/").content.decode()
    assert "Saved by caching" in page
    assert f"{tokens.saved.normalize():f}" in page
    answer = web.get(f"/api/conversations/batch/{job.pk}").json()
    assert answer["cache"]["savedUsd"] == f"{expected.normalize():f}"
    cost = web.get(f"/api/logs/cost?job={job.pk}").json()["total"]
    assert (cost["cacheSavedUsd"], cost["cacheReadTokens"]) == (
        answer["cache"]["savedUsd"],
        tokens.cache_read,
    )


def test_first_calls_that_go_wrong_hand_the_warming_on(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """One is refused, one breaks off after it was billed, one is cut: then the others come, and read."""
    kinds = ("overloaded", "reset_after", "max_tokens")
    fast_simulator.faults([{"kind": kind} for kind in kinds])
    job = start(owner, items=12)
    engine.start()
    job = wait_for_end(job, seconds=120)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 12)
    ledger = fast_simulator.ledger()
    assert [entry["fault"] for entry in ledger[:3]] == list(kinds), "one after the other"
    assert ledger[0]["received_at"] < ledger[1]["received_at"] < ledger[2]["received_at"]
    good = [entry for entry in ledger if entry["status"] == 200]
    assert all(entry["cache_read"] > 0 for entry in good)
    assert_invariants()
