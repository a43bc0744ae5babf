"""The models and prices that this version ships with. The current table may have more: see `claude.current_models`.

Facts and dates: the model and price pages of the API's documentation (checked 2026-11-22). A price that changes gets a new row with
its `valid_from`; old rows stay, because old calls are still billed by them.
"""

from datetime import date
from decimal import Decimal

from claude.model_card import RETIRED, ModelCard, ModelTable, Price, PriceRow

VERSION = "2026-11-22"


def _price(input_: str, output: str, write_5m: str, write_1h: str, read: str) -> Price:
    """A price from its five rates per million tokens. Message batches cost half."""
    return Price(
        input=Decimal(input_),
        output=Decimal(output),
        cache_write_5m=Decimal(write_5m),
        cache_write_1h=Decimal(write_1h),
        cache_read=Decimal(read),
        batch_input=Decimal(input_) / 2,
        batch_output=Decimal(output) / 2,
    )


_OFF = {"type": "disabled"}
_ALWAYS = ("adaptive",)
_BUDGET = ("enabled", "adaptive", "disabled")
_EARLY = ("enabled", "disabled")  # before thinking became adaptive

# Fable, Mythos and Opus 5.5 always think. Among the 4.5 models only Opus accepts `effort`; `max` was added in 4.6, `xhigh` in 4.7.
_CARDS = (
    ModelCard(
        id="claude-sonnet-5-5",
        pool="claude-sonnet-5-5",
        thinking={"type": "between_tools"},
        thinking_modes=("adaptive", "between_tools"),
        accepts_forced_tool=False,
    ),
    ModelCard(id="claude-haiku-5-5", pool="claude-haiku-5-5", thinking=_OFF),
    ModelCard(
        id="claude-opus-5-5", pool="claude-opus-5-5", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(id="claude-fable-5-2", pool="fable-5.x", thinking_modes=_ALWAYS, accepts_forced_tool=False),
    ModelCard(id="claude-fable-5-1", pool="fable-5.x", thinking_modes=_ALWAYS, accepts_forced_tool=False),
    ModelCard(id="claude-fable-5", lifecycle="legacy", pool="fable-5.x", thinking_modes=_ALWAYS),
    ModelCard(
        id="claude-mythos-5-2", pool="claude-mythos-5-2", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(
        id="claude-mythos-5-1", pool="claude-mythos-5-1", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(
        id="claude-mythos-5",
        lifecycle="legacy",
        pool="claude-mythos-5",
        thinking_modes=_ALWAYS,
        accepts_forced_tool=False,
    ),
    ModelCard(id="claude-opus-5", lifecycle="legacy", pool="claude-opus-5", thinking=_OFF),
    ModelCard(
        id="claude-sonnet-5", lifecycle="legacy", pool="claude-sonnet-5", thinking=_OFF, min_cache_tokens=1024
    ),
    ModelCard(
        id="claude-opus-4-8", lifecycle="legacy", pool="opus-4.x", thinking=_OFF, min_cache_tokens=1024
    ),
    ModelCard(
        id="claude-opus-4-7", lifecycle="legacy", pool="opus-4.x", thinking=_OFF, min_cache_tokens=2048
    ),
    ModelCard(
        id="claude-opus-4-6",
        lifecycle="legacy",
        pool="opus-4.x",
        thinking=_OFF,
        takes_temperature=True,
        thinking_modes=_BUDGET,
        effort_levels=("low", "medium", "high", "max"),
        min_cache_tokens=4096,
    ),
    ModelCard(
        id="claude-sonnet-4-6",
        lifecycle="legacy",
        pool="sonnet-4.x",
        thinking=_OFF,
        takes_temperature=True,
        thinking_modes=_BUDGET,
        effort_levels=("low", "medium", "high", "max"),
        min_cache_tokens=1024,
    ),
    ModelCard(
        id="claude-opus-4-5-20251101",
        lifecycle="legacy",
        aliases=("claude-opus-4-5",),
        pool="opus-4.x",
        context=200_000,
        max_output=64_000,
        thinking=_OFF,
        effort=None,
        takes_temperature=True,
        thinking_modes=_EARLY,
        effort_levels=("low", "medium", "high"),
        min_cache_tokens=4096,
        successor="claude-opus-5-5",
    ),
    ModelCard(
        id="claude-sonnet-4-5-20250929",
        lifecycle="deprecated",
        aliases=("claude-sonnet-4-5",),
        pool="sonnet-4.x",
        context=200_000,
        max_output=64_000,
        thinking=_OFF,
        effort=None,
        takes_temperature=True,
        thinking_modes=_EARLY,
        effort_levels=(),
        min_cache_tokens=1024,
        retires=date(2026, 11, 30),
        successor="claude-sonnet-5-5",
    ),
    ModelCard(
        id="claude-haiku-4-5-20251001",
        lifecycle="legacy",
        aliases=("claude-haiku-4-5",),
        pool="claude-haiku-4-5",
        context=200_000,
        max_output=64_000,
        thinking=_OFF,
        effort=None,
        takes_temperature=True,
        thinking_modes=_EARLY,
        effort_levels=(),
        min_cache_tokens=4096,
        successor="claude-haiku-5-5",
    ),
)
# Retired models. They are kept only so that a request for one of them is answered with its successor.
_GONE = {
    "claude-mythos-preview": "claude-mythos-5-2",
    "claude-opus-4-1": "claude-opus-5-5",
    "claude-opus-4-1-20250805": "claude-opus-5-5",
    "claude-opus-4-0": "claude-opus-5-5",
    "claude-opus-4-20250514": "claude-opus-5-5",
    "claude-sonnet-4-0": "claude-sonnet-5-5",
    "claude-sonnet-4-20250514": "claude-sonnet-5-5",
    "claude-3-7-sonnet-20250219": "claude-sonnet-5-5",
    "claude-3-5-haiku-20241022": "claude-haiku-5-5",
}

# Models whose first day is not on record are priced from the start of the year in which this table was made.
_LONG_AGO = date(2026, 1, 1)
_FABLE_5 = _price("10", "50", "12.5", "20", "1.00")
_FABLE_5_1 = _price("10", "50", "12.5", "20", "0.25")
_FABLE_5_2 = _price("8", "40", "10", "16", "0.20")
_OPUS_5 = _price("5", "25", "6.25", "10", "0.50")
_SONNET_4 = _price("3", "15", "3.75", "6", "0.30")
_SONNET_5 = _price("2", "10", "2.5", "4", "0.20")
_SONNET_5_5 = _price("2", "10", "2.5", "4", "0.10")
_HAIKU_SMALL = _price("0.10", "0.50", "0.125", "0.20", "0.01")
_HAIKU_LARGE = _price("0.50", "2.50", "0.625", "1.00", "0.05")

_PRICES = (
    PriceRow(model="claude-fable-5-2", valid_from=date(2026, 11, 9), price=_FABLE_5_2),
    PriceRow(model="claude-fable-5-1", valid_from=date(2026, 9, 1), price=_FABLE_5_1),
    PriceRow(model="claude-fable-5", valid_from=date(2026, 6, 9), price=_FABLE_5),
    PriceRow(model="claude-mythos-5-2", valid_from=date(2026, 11, 9), price=_FABLE_5_2),
    PriceRow(model="claude-mythos-5-1", valid_from=date(2026, 9, 1), price=_FABLE_5_1),
    PriceRow(model="claude-mythos-5", valid_from=date(2026, 6, 9), price=_FABLE_5),
    # Named in the SDK between Fable 5.1 and Mythos 5.1, so it cannot be younger than Fable 5.1.
    PriceRow(model="claude-opus-5-5", valid_from=date(2026, 9, 1), price=_price("4", "20", "5", "8", "0.20")),
    PriceRow(model="claude-opus-5", valid_from=date(2026, 7, 24), price=_OPUS_5),
    PriceRow(model="claude-opus-4-8", valid_from=_LONG_AGO, price=_OPUS_5),
    PriceRow(model="claude-opus-4-7", valid_from=_LONG_AGO, price=_OPUS_5),
    PriceRow(model="claude-opus-4-6", valid_from=_LONG_AGO, price=_OPUS_5),
    PriceRow(model="claude-opus-4-5-20251101", valid_from=_LONG_AGO, price=_OPUS_5),
    # Only the cache read became cheaper, from 0.20, on 7 October 2026.
    PriceRow(model="claude-sonnet-5-5", valid_from=date(2026, 9, 28), price=_SONNET_5),
    PriceRow(model="claude-sonnet-5-5", valid_from=date(2026, 10, 7), price=_SONNET_5_5),
    PriceRow(model="claude-sonnet-5", valid_from=date(2026, 6, 30), price=_SONNET_5),
    PriceRow(model="claude-sonnet-4-6", valid_from=_LONG_AGO, price=_SONNET_4),
    PriceRow(model="claude-sonnet-4-5-20250929", valid_from=_LONG_AGO, price=_SONNET_4),
    PriceRow(
        model="claude-haiku-5-5",
        valid_from=date(2026, 10, 7),
        price=_HAIKU_LARGE,
        above_prompt_tokens=100_000,
    ),
    PriceRow(model="claude-haiku-5-5", valid_from=date(2026, 10, 7), price=_HAIKU_SMALL),
    PriceRow(
        model="claude-haiku-4-5-20251001",
        valid_from=_LONG_AGO,
        price=_price("1", "5", "1.25", "2", "0.10"),
    ),
)

SHIPPED = ModelTable(
    version=VERSION,
    all_cards=(
        *_CARDS,
        *(ModelCard(id=id_, pool=id_, lifecycle=RETIRED, successor=next_) for id_, next_ in _GONE.items()),
    ),
    prices=_PRICES,
)
