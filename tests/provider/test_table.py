"""The model table in force: what rows say reaches every process, under a name that calls carry."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from batches.limits.pools import make_missing_limits, pool_of
from batches.models import BatchJob, GenerationLog, RateLimit, Worker
from claude import current_models
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from claude.messages import Usage
from claude.shipped import SHIPPED
from provider import contents, table
from provider.account import compute_fingerprint, get_provider
from provider.models import Finding, LanguageModel, ModelPrice, ModelTableVersion
from provider.shipping import ship
from tests.factories import MODEL, make_model, make_price
from tests.support.steps import claim_item, file_reply

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 27)
DEARER = {"input": Decimal(4), "output": Decimal(20), "cache_read": Decimal("0.2")}


def published() -> str:
    """What the rows say now, in force in this process."""
    table.publish()
    table.refresh(now=True)
    return current_models.get_active().version


def test_without_rows_the_shipped_table_counts() -> None:
    table.refresh(now=True)
    assert current_models.get_active() is SHIPPED


def test_the_shipped_table_goes_through_the_rows_unchanged() -> None:
    ship()
    table.refresh(now=True)
    stored = current_models.get_active()
    assert stored.version == SHIPPED.version
    assert stored.all_cards == SHIPPED.all_cards
    assert contents.dump_table(stored) == contents.dump_table(SHIPPED)
    assert {row.price for row in stored.prices} == {row.price for row in SHIPPED.prices}


def test_a_model_that_was_added_is_known_with_its_price() -> None:
    ship()
    with pytest.raises(UnknownModel):
        current_models.find_card("qwen-3")
    row = make_model(name="qwen-3", aliases=["qwen"], max_output=9000)
    version = published()
    assert version not in ("", SHIPPED.version)
    assert current_models.find_card("qwen").max_output == 9000
    assert "qwen-3" in current_models.list_pools()
    with pytest.raises(UnknownPrice, match=r"Admin, Prices.*costs nothing"):
        current_models.compute_worst_case(model="qwen", input_tokens=1, max_tokens=1, on=TODAY)
    make_price(model=row, free=True)
    assert published() != version
    assert current_models.compute_worst_case(model="qwen", input_tokens=10, max_tokens=10, on=TODAY) == 0
    assert current_models.compute_cost(Usage(input_tokens=5, output_tokens=5), model="qwen-3", on=TODAY) == 0


def test_zero_without_a_word_is_no_price() -> None:
    row = make_model(name="zero")
    with pytest.raises(Exception, match="model_price_free_or_dear"), transaction.atomic():
        make_price(model=row, input=Decimal(0), output=Decimal(0))
    with pytest.raises(Exception, match="model_price_free_or_dear"), transaction.atomic():
        make_price(model=row, free=True, input=Decimal(1))


def test_nothing_new_is_no_new_version() -> None:
    ship()
    assert table.publish() is None
    ship()
    assert [row.name for row in ModelTableVersion.objects.all()] == [SHIPPED.version]


def test_versions_stay_as_they_were() -> None:
    ship()
    for change in ("UPDATE lineup_versions SET name = 'x'", "DELETE FROM lineup_versions"):
        with pytest.raises(IntegrityError, match="only added"), transaction.atomic():
            connection.cursor().execute(change)


def test_looking_costs_one_query_and_is_not_done_twice(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ship()
    table.refresh(now=True)
    with django_assert_num_queries(1):  # exactly: it looks again when it is told to
        table.refresh(now=True)
    with django_assert_num_queries(0):  # it has just looked
        table.refresh()


def test_a_call_is_booked_by_the_prices_it_was_claimed_under(job: BatchJob, worker: Worker) -> None:
    """A dearer price comes into force while the call is out."""
    ship()
    before = published()
    claimed = claim_item(job, worker)
    make_price(model=LanguageModel.objects.get(name=MODEL), valid_from=claimed.call.on, **DEARER)
    after = published()
    log = GenerationLog.objects.get()
    assert (log.price_version, before == after) == (before, False)
    file_reply(claimed)
    log.refresh_from_db()
    usage = Usage(input_tokens=log.input_tokens, output_tokens=log.output_tokens)
    assert log.cost_usd == SHIPPED.cost(usage, model=MODEL, on=claimed.call.on)
    assert log.cost_usd < current_models.compute_cost(usage, model=MODEL, on=claimed.call.on)
    claim_item(job, worker, position=2)
    assert GenerationLog.objects.order_by("created_at").last().price_version == after  # type: ignore[union-attr]


def test_before_a_model_counts_as_unknown_the_rows_are_looked_at_once_more() -> None:
    ship()
    table.refresh(now=True)
    make_price(model=make_model(name="late"))
    table.publish()
    with pytest.raises(UnknownModel):
        current_models.find_card("late")
    assert table.look_up(lambda: current_models.find_card("late")).id == "late"
    with pytest.raises(UnknownModel):
        table.look_up(lambda: current_models.find_card("never"))


def test_a_model_that_another_thread_finds_meanwhile_is_known_too() -> None:
    """Else its item would take it for unknown, and stop its whole job."""
    ship()
    table.refresh(now=True)
    make_price(model=make_model(name="late"))
    table.publish()

    def ask() -> str:
        try:
            return current_models.find_card("late").id
        except UnknownModel:
            table.refresh(now=True)
            raise

    assert table.look_up(ask) == "late"


def test_a_new_pool_gets_its_limit() -> None:
    ship()
    make_price(model=make_model(name="late"))
    published()
    make_missing_limits()
    assert RateLimit.objects.filter(pool=pool_of("late")).exists()
    RateLimit.objects.update(per_minute=7)
    make_missing_limits()
    assert set(RateLimit.objects.values_list("per_minute", flat=True)) == {7}


def test_a_retirement_that_an_admin_enters_counts() -> None:
    ship()
    LanguageModel.objects.filter(name="claude-opus-5").update(
        lifecycle="retired", successor="claude-opus-5-5"
    )
    published()
    with pytest.raises(RetiredModel, match="claude-opus-5-5"):
        current_models.find_card("claude-opus-5", TODAY)
    assert (
        current_models.find_card("claude-opus-5").id == "claude-opus-5"
    )  # what is in flight is still read and billed
    assert "claude-opus-5" not in {card.id for card in current_models.list_cards(TODAY)}


def test_what_a_check_found_missing_is_not_asked_for() -> None:
    ship()
    Finding.objects.create(
        fingerprint=compute_fingerprint(get_provider()),
        model=MODEL,
        works=True,
        counts_tokens=False,
        report={},
    )
    table.refresh(now=True)
    assert not current_models.find_card(MODEL).counts_tokens
    assert current_models.find_card(MODEL).structured_outputs
    Finding.objects.create(
        fingerprint=compute_fingerprint(get_provider()),
        model=MODEL,
        works=True,
        counts_tokens=True,
        structured_outputs=False,
        report={},
    )
    table.refresh(now=True)
    assert current_models.find_card(MODEL).counts_tokens
    assert not current_models.find_card(MODEL).structured_outputs


def test_a_finding_is_about_its_server_alone(settings: Settings) -> None:
    Finding.objects.create(
        fingerprint="another",
        model=MODEL,
        works=True,
        counts_tokens=False,
        structured_outputs=False,
        report={},
    )
    table.refresh(now=True)
    assert current_models.find_card(MODEL).counts_tokens


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_are_both_in_the_newest_version() -> None:
    """Whoever composes first holds the lock until its commit, so the other one sees its rows."""
    ship()
    with transaction.atomic():
        make_price(model=make_model(name="one"))
        table.publish()
    with transaction.atomic():
        make_price(model=make_model(name="two"))
        table.publish()
    assert {"one", "two"} <= {card.id for card in table.load_newest().all_cards}
    assert current_models.find_card("two").id == "two"  # put in force by the commit


def test_prices_of_a_step_hold_above_their_size() -> None:
    row = make_model(name="stepped")
    make_price(model=row)
    make_price(model=row, above_prompt_tokens=1000, input=Decimal(2), output=Decimal(9))
    published()
    small, large = (
        current_models.find_price("stepped", on=TODAY, prompt_tokens=n).input for n in (1000, 1001)
    )
    assert [small, large] == [Decimal(1), Decimal(2)]
    ModelPrice.objects.filter(above_prompt_tokens=0).delete()
    published()
    with pytest.raises(UnknownPrice):
        current_models.find_price("stepped", on=TODAY, prompt_tokens=2000)
