"""The models: what each accepts, what each costs and since when. Plain rows, no clock, no settings.

Facts and dates: the model and price pages of the API's documentation (checked 2026-11-22). A price that changes gets a new row with
its `valid_from`; old rows stay, because old calls are still billed by them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

from claude.messages import Usage

PRICE_VERSION = "2026-11-22"
MILLION = Decimal(1_000_000)
NINE_PLACES = Decimal(
    "1e-9"
)  # a price has at most three decimals and is per million: nothing is ever rounded


EFFORTS = ("low", "medium", "high", "xhigh", "max")


class UnknownModel(LookupError):
    """No such model in the table: its limits and price are not known, so it is not called."""


class RetiredModel(UnknownModel):
    """The provider answers 404 for this model now; the message names its successor."""


class UnknownPrice(LookupError):
    """No price on that day: nothing may be spent on it."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What to send to one model. Sizes are tokens.

    `thinking` and `effort` are what keeps thinking small there; None means the field must not be sent.
    `takes_temperature`: only with the API version 2023-06-01, which translation then asks for.
    `thinking_modes` and `effort_levels` are what it does not refuse; a shorter prefix than `min_cache_tokens` is never
    cached. `counts_tokens`: the server has count_tokens for it.
    """

    id: str
    pool: str
    context: int = 1_000_000
    max_output: int = 128_000
    structured_outputs: bool = True
    thinking: dict[str, Any] | None = field(default=None, hash=False)
    effort: str | None = "low"
    takes_temperature: bool = False
    thinking_modes: tuple[str, ...] = ("adaptive", "disabled")
    effort_levels: tuple[str, ...] = EFFORTS
    accepts_forced_tool: bool = True
    min_cache_tokens: int = 512
    counts_tokens: bool = True
    aliases: tuple[str, ...] = ()
    retires: date | None = None
    successor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class _PriceRow:
    model: str
    valid_from: date
    price: Price
    up_to_prompt_tokens: int | None = None  # None: every larger prompt


def _price(input_: str, output: str, write_5m: str, write_1h: str, read: str) -> Price:
    return Price(
        input=Decimal(input_),
        output=Decimal(output),
        cache_write_5m=Decimal(write_5m),
        cache_write_1h=Decimal(write_1h),
        cache_read=Decimal(read),
    )


_OFF = {"type": "disabled"}
_ALWAYS = ("adaptive",)
_BUDGET = ("enabled", "adaptive", "disabled")
_EARLY = ("enabled", "disabled")  # before thinking became adaptive

# Fable, Mythos and Opus 5.5 always think. Of the 4.5 models only Opus knows effort; `max` came with 4.6, `xhigh` with 4.7.
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
    ModelCard(id="claude-fable-5", pool="fable-5.x", thinking_modes=_ALWAYS),
    ModelCard(
        id="claude-mythos-5-2", pool="claude-mythos-5-2", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(
        id="claude-mythos-5-1", pool="claude-mythos-5-1", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(
        id="claude-mythos-5", pool="claude-mythos-5", thinking_modes=_ALWAYS, accepts_forced_tool=False
    ),
    ModelCard(id="claude-opus-5", pool="claude-opus-5", thinking=_OFF),
    ModelCard(id="claude-sonnet-5", pool="claude-sonnet-5", thinking=_OFF, min_cache_tokens=1024),
    ModelCard(id="claude-opus-4-8", pool="opus-4.x", thinking=_OFF, min_cache_tokens=1024),
    ModelCard(id="claude-opus-4-7", pool="opus-4.x", thinking=_OFF, min_cache_tokens=2048),
    ModelCard(
        id="claude-opus-4-6",
        pool="opus-4.x",
        thinking=_OFF,
        takes_temperature=True,
        thinking_modes=_BUDGET,
        effort_levels=("low", "medium", "high", "max"),
        min_cache_tokens=4096,
    ),
    ModelCard(
        id="claude-sonnet-4-6",
        pool="sonnet-4.x",
        thinking=_OFF,
        takes_temperature=True,
        thinking_modes=_BUDGET,
        effort_levels=("low", "medium", "high", "max"),
        min_cache_tokens=1024,
    ),
    ModelCard(
        id="claude-opus-4-5-20251101",
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
_BY_NAME = {name: known for known in _CARDS for name in (known.id, *known.aliases)}

# Gone for good, kept only so that their names get a useful answer.
_RETIRED = {
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
    _PriceRow(model="claude-fable-5-2", valid_from=date(2026, 11, 9), price=_FABLE_5_2),
    _PriceRow(model="claude-fable-5-1", valid_from=date(2026, 9, 1), price=_FABLE_5_1),
    _PriceRow(model="claude-fable-5", valid_from=date(2026, 6, 9), price=_FABLE_5),
    _PriceRow(model="claude-mythos-5-2", valid_from=date(2026, 11, 9), price=_FABLE_5_2),
    _PriceRow(model="claude-mythos-5-1", valid_from=date(2026, 9, 1), price=_FABLE_5_1),
    _PriceRow(model="claude-mythos-5", valid_from=date(2026, 6, 9), price=_FABLE_5),
    # Named in the SDK between Fable 5.1 and Mythos 5.1, so it cannot be younger than Fable 5.1.
    _PriceRow(
        model="claude-opus-5-5", valid_from=date(2026, 9, 1), price=_price("4", "20", "5", "8", "0.20")
    ),
    _PriceRow(model="claude-opus-5", valid_from=date(2026, 7, 24), price=_OPUS_5),
    _PriceRow(model="claude-opus-4-8", valid_from=_LONG_AGO, price=_OPUS_5),
    _PriceRow(model="claude-opus-4-7", valid_from=_LONG_AGO, price=_OPUS_5),
    _PriceRow(model="claude-opus-4-6", valid_from=_LONG_AGO, price=_OPUS_5),
    _PriceRow(model="claude-opus-4-5-20251101", valid_from=_LONG_AGO, price=_OPUS_5),
    # Only the cache read became cheaper, from 0.20, on 7 October 2026.
    _PriceRow(model="claude-sonnet-5-5", valid_from=date(2026, 9, 28), price=_SONNET_5),
    _PriceRow(model="claude-sonnet-5-5", valid_from=date(2026, 10, 7), price=_SONNET_5_5),
    _PriceRow(model="claude-sonnet-5", valid_from=date(2026, 6, 30), price=_SONNET_5),
    _PriceRow(model="claude-sonnet-4-6", valid_from=_LONG_AGO, price=_SONNET_4),
    _PriceRow(model="claude-sonnet-4-5-20250929", valid_from=_LONG_AGO, price=_SONNET_4),
    _PriceRow(
        model="claude-haiku-5-5",
        valid_from=date(2026, 10, 7),
        price=_HAIKU_SMALL,
        up_to_prompt_tokens=100_000,
    ),
    _PriceRow(model="claude-haiku-5-5", valid_from=date(2026, 10, 7), price=_HAIKU_LARGE),
    _PriceRow(
        model="claude-haiku-4-5-20251001",
        valid_from=_LONG_AGO,
        price=_price("1", "5", "1.25", "2", "0.10"),
    ),
)


def card(model: str, today: date | None = None) -> ModelCard:
    """The card of a model id or alias. Raises UnknownModel; RetiredModel when it is gone on `today`.

    Without `today` a coming retirement is not looked at (for translating and billing what is already decided).
    """
    if model in _RETIRED:
        raise RetiredModel(f"The model {model} is retired. Use {_RETIRED[model]}: set ANTHROPIC_MODEL to it.")
    found = _BY_NAME.get(model)
    if found is None:
        raise UnknownModel(
            f"The model {model!r} is not in the model table, so its price is unknown and it is not called. "
            f"Set ANTHROPIC_MODEL to one of: {', '.join(_BY_NAME)}."
        )
    if today is not None and found.retires is not None and found.retires <= today:
        raise RetiredModel(
            f"The model {model} retired on {found.retires}. Use {found.successor}: set ANTHROPIC_MODEL to it."
        )
    return found


def cards(today: date | None = None) -> tuple[ModelCard, ...]:
    """All models that can be called on `today`, newest family first."""
    return tuple(known for known in _CARDS if today is None or known.retires is None or today < known.retires)


def pools() -> tuple[str, ...]:
    """The names of the pools whose models share one rate limit."""
    return tuple(dict.fromkeys(known.pool for known in _CARDS))


def price(model: str, *, on: date, prompt_tokens: int) -> Price:
    """The price of a model (id or alias) on a day for a prompt of that whole size, cached parts included."""
    steps = _price_steps(model, on)
    return next(price for limit, price in steps if limit is None or prompt_tokens <= limit)


def cost(usage: Usage, *, model: str, on: date) -> Decimal:
    """What a call cost in US dollars, nine places, exact. Raises UnknownPrice."""
    rate = price(model, on=on, prompt_tokens=usage.prompt_tokens)
    total = (
        usage.input_tokens * rate.input
        + usage.output_tokens * rate.output
        + usage.cache_write_5m * rate.cache_write_5m
        + usage.cache_write_1h * rate.cache_write_1h
        + usage.cache_read * rate.cache_read
    )
    return (total / MILLION).quantize(NINE_PLACES)


def worst_case(*, model: str, input_tokens: int, max_tokens: int, on: date) -> Decimal:
    """The most a call can cost in US dollars: (1.15 x input + 500) x input rate + max_tokens x output rate.

    From docs/execution.md section 3. Taken at the dearest price step that this bound of the
    prompt can reach. The input rate is the plain one, because no request sets a cache mark: nothing is
    written to a cache, and reads are cheaper. Rounded up to nine places.
    """
    bound = Decimal("1.15") * input_tokens + 500
    return max(
        (bound * step.input + max_tokens * step.output) / MILLION
        for step in _reachable_prices(model, on, bound)
    ).quantize(NINE_PLACES, rounding=ROUND_CEILING)


def _reachable_prices(model: str, on: date, prompt_tokens: Decimal) -> Iterator[Price]:
    for limit, step in _price_steps(model, on):
        yield step
        if limit is None or prompt_tokens <= limit:
            return


def _price_steps(model: str, on: date) -> list[tuple[int | None, Price]]:
    """The price steps in force on a day, small prompts first; the last has no limit."""
    known = _BY_NAME.get(model)
    rows = [row for row in _PRICES if known is not None and row.model == known.id and row.valid_from <= on]
    if not rows:
        raise UnknownPrice(f"No price of {model!r} on {on} is known, so nothing may be spent on it.")
    newest = max(row.valid_from for row in rows)
    return [(row.up_to_prompt_tokens, row.price) for row in rows if row.valid_from == newest]
