"""Model cards (what a model accepts), prices, and the table of both. Plain values: no clock, no settings, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from typing import Any

from claude.messages import Usage

MILLION = Decimal(1_000_000)
# Prices have at most three decimals and are per million tokens, so nine decimals of a dollar are always exact.
NINE_PLACES = Decimal("1e-9")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING_MODES = ("enabled", "adaptive", "disabled", "between_tools")
RETIRED = "retired"


class UnknownModel(LookupError):
    """The model is not in the table. Its limits and its price are unknown, so it is not called."""


class RetiredModel(UnknownModel):
    """The model is retired, and the provider answers 404. The message names its successor."""


class UnknownPrice(LookupError):
    """The model has no price on that day, so nothing may be spent on it."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What one model accepts. Sizes are in tokens.

    `thinking` and `effort`: the values to send so that the model thinks little; None: the field must not be sent.
    `takes_temperature`: it accepts a temperature, with the API version 2023-06-01, which is then sent.
    `thinking_modes` and `effort_levels`: the values that it accepts. `min_cache_tokens`: shorter prefixes are not cached.
    `counts_tokens`: the server can count its tokens. `lifecycle`: active, legacy, deprecated or retired.
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
    lifecycle: str = "active"
    retires: date | None = None
    successor: str | None = None

    def is_retired(self, today: date) -> bool:
        return self.lifecycle == RETIRED or (self.retires is not None and self.retires <= today)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars per million tokens. `free`: a person has marked that it costs nothing; a price of 0 alone is no price."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal
    batch_input: Decimal | None = None
    batch_output: Decimal | None = None
    free: bool = False

    def dearest_input(self, lifetime: str) -> Decimal:
        """The highest price per million input tokens with a cache mark of this lifetime (empty: without one)."""
        writes = {"5m": self.cache_write_5m, "1h": self.cache_write_1h}
        return max(self.input, writes.get(lifetime, self.input))

    @property
    def is_known(self) -> bool:
        return self.free or (self.input > 0 and self.output > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRow:
    """A price, valid from a day on, for prompts with more than `above_prompt_tokens` tokens."""

    model: str
    valid_from: date
    price: Price
    above_prompt_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelTable:
    """A table of models and prices. `version`: its name, which every call priced by it keeps."""

    version: str
    all_cards: tuple[ModelCard, ...]
    prices: tuple[PriceRow, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, ModelCard]:
        return {name: known for known in self.all_cards for name in (known.id, *known.aliases)}

    @cached_property
    def _priced(self) -> frozenset[str]:
        return frozenset(row.model for row in self.prices)

    def is_gone(self, known: ModelCard) -> bool:
        """Whether only its name is known: a model that was retired before this installation could call it."""
        return known.lifecycle == RETIRED and known.id not in self._priced

    def card(self, model: str, today: date | None = None) -> ModelCard:
        """The card of a model, by id or alias. Raises UnknownModel, and RetiredModel when it is retired on `today`.

        Without `today` retirement is ignored, as translating and booking an earlier call need it.
        """
        found = self._by_name.get(model)
        if found is None:
            names = (name for each in self.cards(today) for name in (each.id, *each.aliases))
            raise UnknownModel(
                f"The model {model!r} is not in the model table, so its price is unknown and it is not called. "
                f"Set ANTHROPIC_MODEL, or the model of the template, to one of: {', '.join(names)}. Another "
                "server's model is added under Admin, Models, with its price or the mark that it costs nothing."
            )
        if self.is_gone(found) or (today is not None and found.is_retired(today)):
            raise RetiredModel(_retirement(model, found))
        return found

    def cards(self, today: date | None = None) -> tuple[ModelCard, ...]:
        """All models that can be called on `today`, newest family first."""
        return tuple(
            known
            for known in self.all_cards
            if not self.is_gone(known) and (today is None or not known.is_retired(today))
        )

    def pools(self) -> tuple[str, ...]:
        """The names of the pools whose models share one rate limit."""
        return tuple(dict.fromkeys(known.pool for known in self.cards()))

    def price(self, model: str, *, on: date, prompt_tokens: int) -> Price:
        """The price of a model (id or alias) on a day, for a prompt of so many tokens, cached ones included. Raises UnknownPrice."""
        return next(
            row.price
            for row in reversed(self.price_steps(model, on))
            if row.above_prompt_tokens < prompt_tokens or not row.above_prompt_tokens
        )

    def cost(self, usage: Usage, *, model: str, on: date) -> Decimal:
        """What a call cost, in US dollars with nine decimals, exactly. Raises UnknownPrice."""
        rate = self.price(model, on=on, prompt_tokens=usage.prompt_tokens)
        total = (
            usage.input_tokens * rate.input
            + usage.output_tokens * rate.output
            + usage.cache_write_5m * rate.cache_write_5m
            + usage.cache_write_1h * rate.cache_write_1h
            + usage.cache_read * rate.cache_read
        )
        return (total / MILLION).quantize(NINE_PLACES)

    def worst_case(
        self, *, model: str, input_tokens: int, max_tokens: int, on: date, lifetime: str = ""
    ) -> Decimal:
        """The most that a call can cost, in US dollars: (1.15 x input + 500) x input rate + max_tokens x output rate.

        The formula is from docs/execution.md section 3. It is computed for every price step that a prompt of
        1.15 x input + 500 tokens can reach, and the highest counts. The input rate is that of a cache write if the request
        has a cache mark (`lifetime` 5m or 1h), else the plain one. Rounded up to nine decimals. Raises UnknownPrice.
        """
        bound = Decimal("1.15") * input_tokens + 500
        return max(
            (bound * step.dearest_input(lifetime) + max_tokens * step.output) / MILLION
            for step in self._reachable_prices(model, on, bound)
        ).quantize(NINE_PLACES, rounding=ROUND_CEILING)

    def _reachable_prices(self, model: str, on: date, prompt_tokens: Decimal) -> Iterator[Price]:
        for row in self.price_steps(model, on):
            if row.above_prompt_tokens < prompt_tokens:
                yield row.price

    def price_steps(self, model: str, on: date) -> list[PriceRow]:
        """The price steps of a model on a day, for small prompts first. The first one is for every prompt. Raises UnknownPrice."""
        known = self._by_name.get(model)
        rows = [row for row in self.prices if known and row.model == known.id and row.valid_from <= on]
        newest = max((row.valid_from for row in rows), default=None)
        steps = sorted(
            (row for row in rows if row.valid_from == newest), key=lambda row: row.above_prompt_tokens
        )
        if not steps or steps[0].above_prompt_tokens or not all(row.price.is_known for row in steps):
            raise UnknownPrice(
                f"No price of {model!r} on {on} is known, so nothing may be spent on it. Add one under Admin, "
                "Prices, valid from that day or before, or mark there that it costs nothing."
            )
        return steps


def _retirement(model: str, known: ModelCard) -> str:
    when = f"retired on {known.retires}" if known.retires else "is retired"
    if known.successor is None:
        return f"The model {model} {when} and has no successor. Choose another one of Settings, Models."
    return (
        f"The model {model} {when}. Use {known.successor}: set ANTHROPIC_MODEL, or the model of the template, "
        "to it."
    )
