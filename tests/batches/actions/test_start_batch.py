"""The start: everything is checked before anything is stored, and the same key gives the same job."""

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.expressions import RawSQL
from pytest_django import Settings

from batches.actions.jobs import start_batch
from batches.models import BatchItem, BatchJob, RateLimit
from batches.models.states import ItemStatus, JobStatus
from batches.planning.estimate.budgets import default_budget
from batches.planning.estimate.estimate import estimate
from batches.planning.plan import PlanError, PlannedItem
from claude.current_models import UnknownModel
from conversations.ids import take_ids
from conversations.models import IdCounter
from tests.factories import MODEL, make_item, make_job, make_log, make_rate_limit, make_template, make_user
from tests.support.invariants import assert_no_violations
from workspaces.models import RequestKey, User

ON = date(2026, 11, 22)


def make_plan(by: User, *, personas: list[str], **fields: Any) -> list[PlannedItem]:
    version = make_template(workspace=by.personal_workspace()).versions.get()
    return [
        PlannedItem(
            position=position,
            version=version,
            **{
                "tier": "template",
                "topic": "debt",
                "parameters": {"topic": "debt", "persona": persona},
                **fields,
            },
        )
        for position, persona in enumerate(personas, start=1)
    ]


def start(by: User, plan: list[PlannedItem], **fields: Any) -> BatchJob:
    return start_batch(workspace=by.personal_workspace(), plan=plan, by=by, **{"name": "mine", **fields})


# --- what is stored ---------------------------------------------------------------------------------


def test_a_plan_is_frozen_with_its_ids(db: None) -> None:
    by = make_user()
    job = start(by, make_plan(by, personas=["Anna B", "", "Anna B", "zoë"]), concurrency=3)
    assert list(job.items.values_list("conversation_id", flat=True)) == [
        "fp_anna_b_001",
        "fp_general_001",
        "fp_anna_b_002",
        "fp_zoe_001",
    ]
    assert (job.status, job.total_items, job.concurrent_processing) == (JobStatus.QUEUED, 4, 3)
    assert set(job.items.values_list("status", flat=True)) == {ItemStatus.QUEUED}
    assert job.budget_usd == Decimal(job.estimate["default_budget"])
    assert_no_violations()


def test_ids_are_taken_in_the_order_of_their_slugs(db: None) -> None:
    """Two plans that take the counters in two orders deadlock: the rows lie in the order in which they were locked."""
    take_ids(make_user().personal_workspace(), ["zoe", "anna", "mia", "anna"])
    lying = IdCounter.objects.annotate(place=RawSQL("ctid::text", [])).order_by("place")
    assert [row.slug for row in lying] == ["anna", "mia", "zoe"]


def test_ids_go_on_where_they_ended(db: None) -> None:
    workspace = make_user().personal_workspace()
    assert take_ids(workspace, ["anna"] * 2) == ["fp_anna_001", "fp_anna_002"]
    IdCounter.objects.update(next_number=999)
    assert take_ids(workspace, ["anna"] * 2) == ["fp_anna_999", "fp_anna_1000"]


def test_without_a_name_it_is_counted(db: None) -> None:
    by = make_user()
    assert start(by, make_plan(by, personas=["a"]), name=" ").name == "Batch of 1"


# --- the same key -----------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_job(db: None) -> None:
    by, other = make_user(), make_user()
    first = start(by, make_plan(by, personas=["a"]), idempotency_key=RequestKey(key="k"))
    assert start(by, make_plan(by, personas=["a", "b"]), idempotency_key=RequestKey(key="k")) == first
    assert start(other, make_plan(other, personas=["a"]), idempotency_key=RequestKey(key="k")) != first
    assert start(by, make_plan(by, personas=["a"])) != start(by, make_plan(by, personas=["a"]))
    assert BatchItem.objects.filter(job=first).count() == 1


def test_two_at_once_with_the_same_key_are_one_job(transactional_db: None) -> None:
    by = make_user()
    plan = make_plan(by, personas=["a", "b", "c"])
    together, found = threading.Barrier(4), []

    def start_together() -> None:
        together.wait(10)
        found.append(start(by, plan, idempotency_key=RequestKey(key="k")).pk)
        connection.close()

    threads = [threading.Thread(target=start_together) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(set(found)) == BatchJob.objects.count() == 1
    assert BatchItem.objects.count() == 3
    assert IdCounter.objects.filter(next_number=2).count() == 3, "who lost took no ids"


# --- what is refused --------------------------------------------------------------------------------


def refusal(by: User, plan: list[PlannedItem], **fields: Any) -> list[str]:
    with pytest.raises(PlanError) as refused:
        start(by, plan, **fields)
    assert not BatchJob.objects.exists()
    assert not IdCounter.objects.exists()
    return [str(problem) for problem in refused.value.problems]


def test_an_empty_plan_is_refused(db: None) -> None:
    assert "empty" in refusal(make_user(), [])[0]


def test_every_wrong_item_is_named(db: None) -> None:
    by = make_user()
    plan = make_plan(by, personas=["a", "b", "c"])
    wrong = [
        PlannedItem(**{**item.__dict__, "parameters": {}}) if item.position != 2 else item for item in plan
    ]
    problems = refusal(by, wrong)
    assert [problem.split(":")[0] for problem in problems] == ["row 1, column topic", "row 3, column topic"]


def test_concurrency_and_budget_are_refused_together(db: None) -> None:
    by = make_user()
    problems = refusal(by, make_plan(by, personas=["a"]), concurrency=1001, budget_usd=Decimal("0.01"))
    assert [problem.split(":")[0] for problem in problems] == ["column concurrency", "column budget"]


@pytest.mark.parametrize("concurrency", [0, -1, 11])
def test_a_concurrency_outside_the_ceiling_is_refused(concurrency: int, db: None) -> None:
    by = make_user()
    assert (
        "LORAPIPE_MAX_CONCURRENCY" in refusal(by, make_plan(by, personas=["a"]), concurrency=concurrency)[0]
    )


def test_a_budget_that_covers_just_one_call_is_taken(db: None) -> None:
    by = make_user()
    plan = make_plan(by, personas=["a"])
    worst = estimate(plan, model=MODEL, max_tokens=8192, concurrency=1, on=ON).worst_item
    refusal(by, plan, budget_usd=worst - Decimal("1e-9"))
    assert start(by, plan, budget_usd=worst).budget_usd == worst


# --- the estimate -----------------------------------------------------------------------------------


def test_the_numbers_of_an_estimate(db: None) -> None:
    """By hand: sonnet-5-5 costs $2 in and $10 out; 3,000 tokens out; the prompt's bytes halved are its tokens in."""
    plan = make_plan(make_user(), personas=["a", "b"])
    found = estimate(plan, model=MODEL, max_tokens=8192, concurrency=10, on=ON)
    tokens = sum(-(-len(item.request(model=MODEL, max_tokens=1).prompt.encode()) // 2) for item in plan)
    assert (found.items, found.input_tokens, found.output_tokens) == (2, tokens, 6000)
    paid_in = Decimal(tokens) * 2 / 1_000_000
    assert (found.cost, found.cost_low, found.cost_high) == (
        paid_in + Decimal("0.06"),
        paid_in + Decimal("0.03"),
        paid_in + Decimal("0.09"),
    )
    each = Decimal(tokens // 2)
    assert found.worst_item == ((Decimal("1.15") * each + 500) * 2 + 8192 * 10) / 1_000_000
    assert found.default_budget == default_budget(found.cost_high, worst=found.worst_item, in_flight=2)
    assert found.as_json()["cost"] == str(found.cost)


@pytest.mark.parametrize(
    ("items", "concurrency", "rpm", "seconds"),
    [(90, 10, 600, 9.9), (90, 10, 60, 95.0), (1, 10, 1, 1.1), (11, 10, 600, 2.0)],
)
def test_the_time_is_the_slower_of_the_two_rules(
    items: int, concurrency: int, rpm: int, seconds: float, db: None, settings: Settings
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, rate_limit_rpm=rpm)
    plan = make_plan(make_user(), personas=["a"] * items)
    found = estimate(plan, model=MODEL, max_tokens=8192, concurrency=concurrency, on=ON)
    assert found.seconds == pytest.approx(seconds, rel=0.06)


@pytest.mark.parametrize(("tier", "least"), [("template", 3750), ("scenario", 5000), ("edge_case", 6250)])
def test_replies_beyond_four_fifths_of_the_room_are_refused_with_the_number(
    tier: str, least: int, db: None
) -> None:
    plan = make_plan(make_user(), personas=["a"], tier=tier)
    assert estimate(plan, model=MODEL, max_tokens=least, concurrency=1, on=ON)
    with pytest.raises(PlanError, match=f"ANTHROPIC_MAX_TOKENS to {least} or more"):
        estimate(plan, model=MODEL, max_tokens=least - 1, concurrency=1, on=ON)


def test_more_room_than_the_model_has_is_refused(db: None) -> None:
    plan = make_plan(make_user(), personas=["a"])
    with pytest.raises(PlanError, match="writes at most 128000"):
        estimate(plan, model=MODEL, max_tokens=128_001, concurrency=1, on=ON)


def test_an_unknown_or_retired_model_is_refused(db: None) -> None:
    plan = make_plan(make_user(), personas=["a"])
    for model, on in (("no-such-model", ON), ("claude-sonnet-4-5", date(2026, 12, 1))):
        with pytest.raises(UnknownModel, match=model):
            estimate(plan, model=model, max_tokens=8192, concurrency=1, on=on)


# --- what the database itself refuses ---------------------------------------------------------------


def refused_by(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("job_status", {"status": "sleeping"}),
        ("job_kind", {"kind": "half"}),
        ("job_mode", {"mode": "slow"}),
        ("job_error_handling", {"error_handling": "ignore"}),
        ("job_priority", {"priority": 4}),
        ("job_concurrency", {"concurrent_processing": 0}),
        ("job_concurrency", {"concurrent_processing": 1001}),
        ("job_ended_within_total", {"completed_items": 1}),
        ("job_ended_within_total", {"total_items": 2, "completed_items": 1, "failed_items": 2}),
        ("job_successful_within_completed", {"successful_items": 1}),
        ("job_money", {"spent": Decimal(-1)}),
        ("job_money", {"reserved": Decimal(-1)}),
        ("job_money", {"budget_usd": Decimal(-1)}),
    ],
)
def test_a_job_that_cannot_be(name: str, fields: dict[str, Any], db: None) -> None:
    job = make_job()
    with refused_by(name), transaction.atomic():
        BatchJob.objects.filter(pk=job.pk).update(**fields)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("item_status", {"status": "lost"}),
        ("item_tier", {"tier": "half"}),
        ("item_kind", {"kind": "half"}),
        ("item_position", {"position": 0}),
        ("item_progress", {"progress": 101}),
        ("item_processing_is_owned", {"status": "processing"}),
    ],
)
def test_an_item_that_cannot_be(name: str, fields: dict[str, Any], db: None) -> None:
    item = make_item()
    with refused_by(name), transaction.atomic():
        BatchItem.objects.filter(pk=item.pk).update(**fields)


def test_a_position_is_taken_once(db: None) -> None:
    item = make_item()
    with refused_by("item_position_once"), transaction.atomic():
        make_item(job=item.job, position=item.position)


def test_a_key_is_used_once_by_a_person(db: None) -> None:
    by = make_user()
    make_job(by=by, idempotency_key="k")
    with refused_by("job_idempotency_key"), transaction.atomic():
        make_job(by=by, idempotency_key="k")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("log_state", {"state": "lost"}),
        ("log_money", {"cost_usd": Decimal(-1)}),
        ("log_money", {"reservation_usd": Decimal(-1)}),
    ],
)
def test_a_log_row_that_cannot_be(name: str, fields: dict[str, Any], db: None) -> None:
    log = make_log()
    with refused_by(name), transaction.atomic():
        type(log).objects.filter(pk=log.pk).update(**fields)


@pytest.mark.parametrize("per_minute", [0, 100_000_001])
def test_a_limit_that_cannot_be(per_minute: int, db: None) -> None:
    limit = make_rate_limit()
    with refused_by("rate_limit_range"), transaction.atomic():
        RateLimit.objects.filter(pk=limit.pk).update(per_minute=per_minute)
    with refused_by("rate_limit_once"), transaction.atomic():
        make_rate_limit(pool=limit.pool)
