"""The table of models and prices against the page it was taken from, and costs worked out by hand."""

import re
from datetime import date
from decimal import Decimal

import anthropic.types.model_param as sdk_models
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude import current_models
from claude.current_models import (
    Price,
    RetiredModel,
    UnknownModel,
    UnknownPrice,
    compute_cost,
    compute_worst_case,
    find_card,
    find_price,
)
from claude.messages import Usage

# The machine is shared: a slow example is no failure.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TODAY = date(2026, 11, 22)
NAMES = [name for known in current_models.list_cards() for name in (known.id, *known.aliases)]

# id, input, output, write 5m, write 1h, read: from the price page of the API's documentation, 2026-11-22
TABLE = """
claude-fable-5-2            8     40    10     16    0.20
claude-fable-5-1            10    50    12.5   20    0.25
claude-fable-5              10    50    12.5   20    1.00
claude-mythos-5-2           8     40    10     16    0.20
claude-mythos-5-1           10    50    12.5   20    0.25
claude-mythos-5             10    50    12.5   20    1.00
claude-opus-5-5             4     20    5      8     0.20
claude-opus-5               5     25    6.25   10    0.50
claude-opus-4-8             5     25    6.25   10    0.50
claude-opus-4-7             5     25    6.25   10    0.50
claude-opus-4-6             5     25    6.25   10    0.50
claude-opus-4-5             5     25    6.25   10    0.50
claude-opus-4-5-20251101    5     25    6.25   10    0.50
claude-sonnet-5-5           2     10    2.5    4     0.10
claude-sonnet-5             2     10    2.5    4     0.20
claude-sonnet-4-6           3     15    3.75   6     0.30
claude-sonnet-4-5           3     15    3.75   6     0.30
claude-sonnet-4-5-20250929  3     15    3.75   6     0.30
claude-haiku-5-5            0.10  0.50  0.125  0.20  0.01
claude-haiku-4-5            1     5     1.25   2     0.10
claude-haiku-4-5-20251001   1     5     1.25   2     0.10
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]


def rates(found: Price) -> tuple[Decimal, ...]:
    return (found.input, found.output, found.cache_write_5m, found.cache_write_1h, found.cache_read)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_every_price_of_the_page(row: list[str]) -> None:
    assert rates(find_price(row[0], on=TODAY, prompt_tokens=100_000)) == tuple(map(Decimal, row[1:]))


def test_the_table_has_every_living_model_that_the_sdk_knows() -> None:
    named = set(re.findall(r"claude-[a-z0-9-]+", str(sdk_models.ModelParam)))
    assert named - set(NAMES) == {"claude-mythos-preview"}
    assert set(NAMES) == {row[0] for row in ROWS}


@pytest.mark.parametrize("name", NAMES)
def test_every_card_can_be_used_today(name: str) -> None:
    known = find_card(name, TODAY)
    assert name in (known.id, *known.aliases)
    assert known.pool in current_models.list_pools()
    assert 64_000 <= known.max_output < known.context
    assert known.structured_outputs
    assert known.effort in ("low", None)
    assert known.thinking in (None, {"type": "disabled"}, {"type": "between_tools"})
    assert known.thinking is not None or known.effort is not None, "thinking would stay large"


@pytest.mark.parametrize(
    ("pool", "members"),
    [
        ("opus-4.x", ["claude-opus-4-5-20251101", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8"]),
        ("sonnet-4.x", ["claude-sonnet-4-5-20250929", "claude-sonnet-4-6"]),
        ("fable-5.x", ["claude-fable-5", "claude-fable-5-1", "claude-fable-5-2"]),
        ("claude-sonnet-5-5", ["claude-sonnet-5-5"]),
        ("claude-haiku-4-5", ["claude-haiku-4-5-20251001"]),
    ],
)
def test_which_models_share_a_limit(pool: str, members: list[str]) -> None:
    assert sorted(known.id for known in current_models.list_cards() if known.pool == pool) == members


def test_sonnet_4_5_retires_on_the_thirtieth() -> None:
    assert find_card("claude-sonnet-4-5", date(2026, 11, 29)).successor == "claude-sonnet-5-5"
    for name in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"):
        with pytest.raises(RetiredModel, match="claude-sonnet-5-5"):
            find_card(name, date(2026, 11, 30))
        assert find_card(name).id == "claude-sonnet-4-5-20250929"
    assert (
        len(current_models.list_cards(date(2026, 11, 29)))
        == len(current_models.list_cards())
        == len(current_models.list_cards(date(2026, 11, 30))) + 1
    )


def test_long_gone_and_unknown_models_get_a_useful_answer() -> None:
    with pytest.raises(RetiredModel, match="claude-mythos-5-2"):
        find_card("claude-mythos-preview")
    with pytest.raises(UnknownModel, match=r"'gpt-9'.*claude-sonnet-5-5.*claude-haiku-4-5"):
        find_card("gpt-9")


@pytest.mark.parametrize(
    ("model", "on", "read"),
    [
        ("claude-sonnet-5-5", date(2026, 9, 28), "0.20"),
        ("claude-sonnet-5-5", date(2026, 10, 6), "0.20"),
        ("claude-sonnet-5-5", date(2026, 10, 7), "0.10"),
        ("claude-sonnet-5-5", date(2027, 1, 1), "0.10"),
        ("claude-opus-5", date(2026, 7, 24), "0.50"),
    ],
)
def test_prices_hold_from_their_day_on(model: str, on: date, read: str) -> None:
    assert find_price(model, on=on, prompt_tokens=1).cache_read == Decimal(read)


@pytest.mark.parametrize(
    ("model", "on"),
    [
        ("claude-sonnet-5-5", date(2026, 9, 27)),
        ("claude-haiku-5-5", date(2026, 10, 6)),
        ("claude-fable-5-2", date(2026, 11, 8)),
        ("gpt-9", TODAY),
    ],
)
def test_without_a_price_nothing_is_spent(model: str, on: date) -> None:
    with pytest.raises(UnknownPrice, match=model):
        find_price(model, on=on, prompt_tokens=1)
    with pytest.raises(UnknownPrice):
        compute_worst_case(model=model, input_tokens=1, max_tokens=1, on=on)
    with pytest.raises(UnknownPrice):
        compute_cost(Usage(input_tokens=0, output_tokens=0), model=model, on=on)


@pytest.mark.parametrize(
    ("model", "usage", "expected"),
    [
        # 2000 x 2 + 3000 x 10 = 34,000 per million
        ("claude-sonnet-5-5", Usage(input_tokens=2000, output_tokens=3000), "0.034000000"),
        # 1 x 0.10 + 1 x 0.50 = 0.60 per million
        ("claude-haiku-5-5", Usage(input_tokens=1, output_tokens=1), "0.000000600"),
        # 100,000 x 0.10 + 10 x 0.50 = 10,005: the small step holds up to 100,000
        ("claude-haiku-5-5", Usage(input_tokens=100_000, output_tokens=10), "0.010005000"),
        # 100,001 x 0.50 + 10 x 2.50 = 50,025.5
        ("claude-haiku-5-5", Usage(input_tokens=100_001, output_tokens=10), "0.050025500"),
        # the cached part decides the step too: 1 x 0.50 + 10 x 2.50 + 100,000 x 0.05 = 5,025.5
        ("claude-haiku-5-5", Usage(input_tokens=1, output_tokens=10, cache_read=100_000), "0.005025500"),
        # 1 x 0.10 + 1 x 0.125 + 1 x 0.20 + 1 x 0.01 = 0.435
        (
            "claude-haiku-5-5",
            Usage(input_tokens=1, output_tokens=0, cache_write_5m=1, cache_write_1h=1, cache_read=1),
            "0.000000435",
        ),
        # 50 x 2 + 503 x 10 + 148 x 2.5 + 100 x 4 + 1800 x 0.10 = 6,080
        (
            "claude-sonnet-5-5",
            Usage(
                input_tokens=50, output_tokens=503, cache_write_5m=148, cache_write_1h=100, cache_read=1800
            ),
            "0.006080000",
        ),
        # an alias costs what its model costs: 7 x 1 + 3 x 5 = 22
        ("claude-haiku-4-5", Usage(input_tokens=7, output_tokens=3), "0.000022000"),
        ("claude-opus-5-5", Usage(input_tokens=0, output_tokens=0), "0.000000000"),
    ],
)
def test_costs_by_hand(model: str, usage: Usage, expected: str) -> None:
    assert str(compute_cost(usage, model=model, on=TODAY)) == expected or compute_cost(
        usage, model=model, on=TODAY
    ) == Decimal(expected)
    assert compute_cost(usage, model=model, on=TODAY).as_tuple().exponent == -9


@pytest.mark.parametrize(
    ("model", "input_tokens", "max_tokens", "expected"),
    [
        # (1.15 x 2000 + 500) x 2 + 8192 x 10 = 5,600 + 81,920
        ("claude-sonnet-5-5", 2000, 8192, "0.087520000"),
        # (1.15 x 1 + 500) x 2 = 1,002.3
        ("claude-sonnet-5-5", 1, 0, "0.001002300"),
        # 1.15 x 86,521 + 500 = 99,999.15: still the small step
        ("claude-haiku-5-5", 86_521, 1000, "0.010499915"),
        # 1.15 x 86,522 + 500 = 100,000.3 reaches the large step: x 0.50 + 1000 x 2.50
        ("claude-haiku-5-5", 86_522, 1000, "0.052500150"),
    ],
)
def test_worst_cases_by_hand(model: str, input_tokens: int, max_tokens: int, expected: str) -> None:
    assert compute_worst_case(
        model=model, input_tokens=input_tokens, max_tokens=max_tokens, on=TODAY
    ) == Decimal(expected)


@unhurried
@given(
    model=st.sampled_from(NAMES),
    counted=st.integers(0, 300_000),
    max_tokens=st.integers(0, 128_000),
    share=st.fractions(0, 1),
)
def test_no_call_within_its_bounds_costs_more_than_the_worst_case(
    model: str, counted: int, max_tokens: int, share: Decimal
) -> None:
    bound = (115 * counted) // 100 + 500
    usage = Usage(input_tokens=int(bound * share), output_tokens=int(max_tokens * share))
    reserved = compute_worst_case(model=model, input_tokens=counted, max_tokens=max_tokens, on=TODAY)
    assert compute_cost(usage, model=model, on=TODAY) <= reserved


@unhurried
@given(
    model=st.sampled_from(NAMES),
    tokens=st.lists(st.integers(0, 10**9), min_size=5, max_size=5),
)
def test_costs_are_never_rounded(model: str, tokens: list[int]) -> None:
    usage = Usage(
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cache_write_5m=tokens[2],
        cache_write_1h=tokens[3],
        cache_read=tokens[4],
    )
    rate = rates(find_price(model, on=TODAY, prompt_tokens=usage.prompt_tokens))
    thousandths = sum(count * int(each * 1000) for count, each in zip(tokens, rate, strict=True))
    assert compute_cost(usage, model=model, on=TODAY) * 10**9 == thousandths
