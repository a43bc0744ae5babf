"""What is known of a model, what it costs, and the table of both. Plain values: no clock, no settings, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from typing import Any

from claude.messages import Usage

MILLION = Decimal(1_000_000)
# A price has at most three decimals and is per million: nothing is ever rounded.
NINE_PLACES = Decimal("1e-9")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING_MODES = ("enabled", "adaptive", "disabled", "between_tools")
RETIRED = "retired"


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
    cached. `counts_tokens`: the server has count_tokens for it. `lifecycle`: active, legacy, deprecated or retired.
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
    """US dollars per million tokens. `free`: somebody has said that it costs nothing; zero alone is no price."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal
    batch_input: Decimal | None = None
    batch_output: Decimal | None = None
    free: bool = False

    def dearest_input(self, lifetime: str) -> Decimal:
        """Per million tokens of a prompt with a cache mark of that lifetime; without one, the plain rate."""
        writes = {"5m": self.cache_write_5m, "1h": self.cache_write_1h}
        return max(self.input, writes.get(lifetime, self.input))

    @property
    def is_known(self) -> bool:
        return self.free or (self.input > 0 and self.output > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRow:
    """A price from its first day on, for prompts of more tokens than `above_prompt_tokens`."""

    model: str
    valid_from: date
    price: Price
    above_prompt_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelTable:
    """A table of models and prices. `version` names it on every call that was priced by it."""

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
        """Only its name is kept: it was retired before anybody here could have called it."""
        return known.lifecycle == RETIRED and known.id not in self._priced

    def card(self, model: str, today: date | None = None) -> ModelCard:
        """The card of a model id or alias. Raises UnknownModel; RetiredModel when it is gone on `today`.

        Without `today` a retirement is not looked at (for translating and billing what is already decided).
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
        """The price of a model (id or alias) on a day for a prompt of that whole size, cached parts included."""
        return next(
            row.price
            for row in reversed(self.price_steps(model, on))
            if row.above_prompt_tokens < prompt_tokens or not row.above_prompt_tokens
        )

    def cost(self, usage: Usage, *, model: str, on: date) -> Decimal:
        """What a call cost in US dollars, nine places, exact. Raises UnknownPrice."""
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
        """The most a call can cost in US dollars: (1.15 x input + 500) x input rate + max_tokens x output rate.

        From docs/execution.md section 3. Taken at the dearest price step that this bound of the
        prompt can reach. The input rate is the dearest that the request can be billed by: with a cache mark
        (`lifetime` 5m or 1h) that of the write, else the plain one. Rounded up to nine places.
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
        """The price steps in force on a day, small prompts first; the first is for every prompt. Raises UnknownPrice."""
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
