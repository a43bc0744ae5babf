"""The yield: which rows count, once, and where the money went."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchItem
from batches.models.states import ItemKind, ItemStatus, LogState
from batches.reports.yields import YieldReport
from conversations import versions
from conversations.models import Conversation
from conversations.states import ReasonCode, Status
from templates_app.models import TemplateVersion
from templates_app.states import Tier
from tests.factories import (
    make_conversation,
    make_item,
    make_job,
    make_log,
    make_template,
    make_user,
    make_version,
)
from workspaces.models import User

pytestmark = pytest.mark.django_db
LEAK = {"kind": "prompt_leakage", "turn": 1, "quote": ""}
SOFT = {"kind": "stock_phrases", "turn": 1, "quote": ""}


@pytest.fixture
def anna() -> User:
    return make_user(username="anna")


@pytest.fixture
def version(anna: User) -> TemplateVersion:
    return make_template(workspace=anna.personal_workspace(), name="Arc").versions.get()


def make(version: TemplateVersion, *, cost: str = "0.10", **fields: Any) -> Conversation:
    """A conversation that one call made."""
    tier, model = fields.get("tier", Tier.TEMPLATE), fields.get("model", "claude-sonnet-5-5")
    job = make_job(workspace=version.workspace, total_items=1, model=model)
    item = make_item(job=job, version=version, status=ItemStatus.COMPLETED, tier=tier)
    given: dict[str, Any] = {
        "status": Status.GENERATED,
        "quality_score": Decimal("10.0"),
        "simulated": True,
        "tier": tier,
        "model": model,
        "template_version": version,
        "origin_job": job,
        **fields,
    }
    made = make_conversation(item=item, **given)
    bill(item, cost, current=True, conversation=made)
    return made


def bill(
    item: BatchItem,
    cost: str,
    *,
    state: LogState = LogState.SUCCEEDED,
    current: bool = False,
    **fields: Any,
) -> None:
    log = make_log(
        item=item,
        state=state,
        cost_usd=Decimal(cost),
        template_version=item.template_version,
        tier=item.tier,
        model=item.job.model,
        **fields,
    )
    if current:
        BatchItem.objects.filter(pk=item.pk).update(current_log=log)


def fail(version: TemplateVersion, cost: str) -> None:
    item = make_item(
        job=make_job(workspace=version.workspace, total_items=1, model="claude-sonnet-5-5"),
        version=version,
        status=ItemStatus.FAILED,
        tier=Tier.TEMPLATE,
    )
    bill(item, cost, state=LogState.UNUSABLE)
    bill(item, cost, state=LogState.UNUSABLE, current=True)


def test_each_stage_counts_what_is_left(anna: User, version: TemplateVersion) -> None:
    make(version).approve(by=anna)
    make(version, flags=[LEAK], flag_count=1).approve(by=anna)  # a person knows better than the rules
    make(version, flags=[SOFT], flag_count=1)
    make(version, flags=[LEAK], flag_count=1, status=Status.PENDING_REVIEW)
    make(version, quality_score=Decimal("5.9"), status=Status.NEEDS_REVISION)
    make(version).reject(by=anna)
    make(version).send_back(by=anna)
    fail(version, "0.01")
    found = YieldReport(anna, simulated=True).total
    assert (found.asked, found.failed, found.generated) == (8, 1, 7)
    assert (found.valid, found.approved) == (5, 2)  # what a person rejected may have been valid
    assert (found.rejected, found.sent_back, found.waiting) == (1, 1, 3)
    assert found.approved_share == pytest.approx(2 / 7)


def test_the_cost_holds_failed_items_repeated_calls_and_regenerations(
    anna: User, version: TemplateVersion
) -> None:
    made = make(version, cost="0.10")
    assert made.batch_item is not None
    bill(made.batch_item, "0.02", state=LogState.UNUSABLE)
    fail(version, "0.03")
    anew = make_item(
        job=make_job(workspace=version.workspace, total_items=1, model="claude-sonnet-5-5"),
        version=version,
        status=ItemStatus.COMPLETED,
        kind=ItemKind.REGENERATE,
        tier=Tier.TEMPLATE,
    )
    bill(anew, "0.20", current=True)
    report = YieldReport(anna, simulated=True)
    found = report.total
    assert found.cost_per_approved is None
    made.approve(by=anna)
    found = YieldReport(anna, simulated=True).total
    assert (found.cost, found.failed_cost) == (Decimal("0.38"), Decimal("0.06"))
    assert (found.repeated_cost, found.regeneration_cost) == (Decimal("0.02"), Decimal("0.20"))
    assert found.cost_per_approved == Decimal("0.38")
    assert (found.asked, found.generated) == (2, 1)  # a regeneration is no further conversation


def test_a_chain_counts_once_as_its_newest_version(anna: User, version: TemplateVersion) -> None:
    made = make(version)
    made.reject(by=anna, reasons=[ReasonCode.LEAK])
    edited = versions.edit(Conversation.objects.get(pk=made.pk), {1: "Another question?"}, by=anna)
    edited.approve(by=anna)
    found = YieldReport(anna, simulated=True).total
    assert (found.generated, found.approved, found.rejected) == (1, 1, 0)


def test_groups_by_version_tier_and_model(anna: User, version: TemplateVersion) -> None:
    newer = make_version(template=version.template, number=2)
    make(version, cost="0.1").approve(by=anna)
    make(newer, cost="0.2", tier=Tier.SCENARIO)
    make(newer, cost="0.4", model="claude-opus-5-5")
    report = YieldReport(anna, simulated=True)
    by_template = report.by_template()
    assert [(line.version and line.version.number, line.numbers.cost) for line in by_template] == [
        (2, Decimal("0.6")),
        (1, Decimal("0.1")),
    ]
    assert [(line.name, line.numbers.generated) for line in report.by_tier()] == [
        ("template", 2),
        ("scenario", 1),
    ]
    assert {line.name: line.numbers.cost for line in report.by_model()} == {
        "claude-opus-5-5": Decimal("0.4"),
        "claude-sonnet-5-5": Decimal("0.3"),
    }
    assert report.total.generated == 3
    other = make_template(workspace=version.workspace)
    assert YieldReport(anna, simulated=True, template=other.pk).total.generated == 0
    assert YieldReport(anna, simulated=True, template=version.template_id).total.generated == 3


def test_reasons_of_decisions_that_stand(anna: User, version: TemplateVersion) -> None:
    make(version).reject(by=anna, reasons=[ReasonCode.LEAK, ReasonCode.UNNATURAL])
    make(version).reject(by=anna, reasons=[ReasonCode.LEAK])
    make(version).send_back(by=anna)
    taken_back, again = make(version), make(version)
    for each, times in ((taken_back, 1), (again, 2)):
        each.reject(by=anna, reasons=[ReasonCode.UNSAFE])
        for _ in range(times):
            each.undo(each.decisions.newest_first()[0], by=anna)
    twice = make(version)
    twice.reject(by=anna, reasons=[ReasonCode.PERSONA])
    twice.send_back(by=anna, reasons=[ReasonCode.OFF_TOPIC])
    make(version).approve(by=anna)
    (line,) = YieldReport(anna, simulated=True).by_template()
    assert line.reasons == [
        ("Repeats its instructions", 2),
        ("Misses the topic", 1),
        ("No reason given", 1),
        ("Sounds unnatural", 1),
        ("Unsafe or personal data", 1),
    ]


def test_a_reason_stays_when_a_new_version_follows(anna: User, version: TemplateVersion) -> None:
    made = make(version)
    made.send_back(by=anna, reasons=[ReasonCode.TOO_SHORT])
    versions.edit(Conversation.objects.get(pk=made.pk), {1: "Another question?"}, by=anna)
    (line,) = YieldReport(anna, simulated=True).by_template()
    assert line.reasons == [("Too short or cut off", 1)]


def test_real_and_simulated_money_is_kept_apart(anna: User, version: TemplateVersion) -> None:
    made = make(version, simulated=False)
    made.logs.update(pool="a1b2c3:sonnet")
    assert YieldReport(anna, simulated=True).total.cost == 0
    real = YieldReport(anna, simulated=False).total
    assert (real.generated, real.cost) == (1, Decimal("0.1"))


def test_what_belongs_to_somebody_else_is_not_counted(version: TemplateVersion) -> None:
    make(version).reject(by=None)
    report = YieldReport(make_user(username="bert"), simulated=True)
    assert report.total.generated == report.total.asked == 0
    assert report.by_template() == report.by_tier() == report.by_model() == []


def test_one_query_per_table(
    anna: User, version: TemplateVersion, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make(version).reject(by=anna)
    # Conversations, calls, decisions, template versions; and the memberships for each of the first three.
    with django_assert_max_num_queries(7):
        report = YieldReport(anna, simulated=True)
        assert len(report.by_template()) == len(report.by_tier()) == len(report.by_model()) == 1
