"""What is on record of calls of one kind: whole items, the newest, simulated and real apart."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, LogState
from batches.planning.estimate import history
from batches.planning.estimate.history import Key, Past, past
from tests.factories import MODEL, make_item, make_job, make_log, make_template

pytestmark = pytest.mark.django_db
DONE, COST = ItemStatus.COMPLETED, Decimal("0.03")


def spent(item: BatchItem, *, output: int, state: LogState = LogState.SUCCEEDED, **fields: Any) -> None:
    given = {"simulated": True, "input_tokens": 900, "duration_ms": 20_000, "cost_usd": COST, **fields}
    make_log(item=item, state=state, output_tokens=output, **given)


@pytest.fixture
def job() -> BatchJob:
    return make_job(total_items=10)


def done(job: BatchJob, **fields: Any) -> BatchItem:
    return make_item(job=job, status=DONE, **fields)


def of(item: BatchItem, *, simulated: bool = True) -> Past | None:
    key = Key(item.made_from.pk, item.tier, MODEL)
    return past([key], simulated=simulated).get(key)


def test_nothing_is_known_of_what_was_never_asked(job: BatchJob) -> None:
    item = done(job)
    make_log(item=item, state=LogState.FAILED, simulated=True)
    make_log(item=item, state=LogState.PENDING, simulated=True)
    assert of(item) is None, "a call that cost nothing says nothing"
    assert past([], simulated=True) == {}


def test_an_item_counts_with_all_that_it_took(job: BatchJob) -> None:
    version = make_template(workspace=job.workspace).versions.get()
    easy, hard = (done(job, version=version) for _ in range(2))
    spent(easy, output=1000)
    spent(hard, output=500, state=LogState.UNUSABLE)
    spent(hard, output=1500, cache_read_tokens=100)
    found = of(easy)
    assert found is not None
    assert (found.items, found.calls, found.output, found.prompt) == (2, 3, 1500, 1400)
    assert (found.seconds, found.timed, found.calls_per_item) == (30, 2, 1.5)
    assert found.cache_read == pytest.approx(100 / 2800)
    assert found.output_spread == pytest.approx(0.2402, abs=1e-4), "half of ln(2) squared"


def test_kinds_are_kept_apart(job: BatchJob) -> None:
    version = make_template(workspace=job.workspace).versions.get()
    scenario, plain = done(job, version=version, tier="scenario"), done(job, version=version)
    spent(scenario, output=4000)
    spent(plain, output=1000)
    spent(plain, output=9000, model="claude-opus-5-5")
    spent(done(job), output=8000)
    found = past([Key(version.pk, tier, MODEL) for tier in ("template", "scenario")], simulated=True)
    assert {key.tier: each.output for key, each in found.items()} == {"template": 1000, "scenario": 4000}


def test_simulated_and_real_calls_never_mix(job: BatchJob) -> None:
    item = done(job)
    spent(item, output=1000)
    spent(item, output=3000, simulated=False, pool="abc:claude-sonnet-5-5")
    # No reply, so nobody said that it was the simulator; its pool does.
    spent(item, output=0, simulated=False, state=LogState.UNKNOWN)
    spent(item, output=0, simulated=False, state=LogState.UNKNOWN, pool="abc:x", max_tokens=5000)
    simulated, real = of(item), of(item, simulated=False)
    assert simulated is not None
    assert real is not None
    assert (simulated.output, simulated.calls) == (1000, 1)
    assert (real.output, real.calls) == (8000, 2), "an unknown bill counts as all it was allowed to write"


def test_only_the_newest_calls_count(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "NEWEST", 2)
    version = make_template(workspace=job.workspace).versions.get()
    items = [done(job, version=version) for _ in range(3)]
    for item, output in zip(items, (9000, 1000, 2000), strict=True):
        spent(item, output=output)
    found = of(items[0])
    assert found is not None
    assert found.output == 1500


def test_what_is_expected_of_a_call_begins_with_the_tiers_usual(
    job: BatchJob,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.DEMO = True
    monkeypatch.setattr(history, "LEARNING_FRESH_S", 60.0)
    item = done(job)
    assert history.expect_tokens(item.made_from.pk, "template", MODEL) == (2000, 3000)
    spent(item, output=1000)
    with django_assert_num_queries(0):  # what is fresh is remembered
        found = history.expect_tokens(item.made_from.pk, "template", MODEL)
    assert found.output == 3000, "not read again while it is fresh"
    monkeypatch.setattr(history, "LEARNING_FRESH_S", -1.0)
    assert history.expect_tokens(item.made_from.pk, "template", MODEL) == (1450, 2000)
    spent(item, output=500, state=LogState.UNUSABLE)
    found = history.expect_tokens(item.made_from.pk, "template", MODEL)
    assert found.output == round(2 / 3 * 750 + 1000), "of one call, not of an item"
    assert history.expect_tokens(uuid4(), "edge_case", MODEL) == (3000, 5000)


def test_what_is_well_known_is_not_read_again_for_half_a_minute(
    job: BatchJob,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """What is hardly known is: a tier's usual length may be twice what its calls take, and the difference lies idle."""
    settings.DEMO = True
    monkeypatch.setattr(history, "LEARNING_FRESH_S", -1.0)
    item = done(job)
    for _ in range(history.LEARNING_CALLS):
        with django_assert_num_queries(1):  # exactly: each time it reads again
            history.expect_tokens(item.made_from.pk, "template", MODEL)
        spent(item, output=1000)
    history.expect_tokens(item.made_from.pk, "template", MODEL)
    with django_assert_num_queries(0):  # known well enough: remembered
        history.expect_tokens(item.made_from.pk, "template", MODEL)
    monkeypatch.setattr(history, "FRESH_S", -1.0)
    with django_assert_num_queries(1):  # exactly: it has grown old and is read again
        history.expect_tokens(item.made_from.pk, "template", MODEL)
