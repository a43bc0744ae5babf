"""What the items of each kind cost, from the tokens of their prompts and their expected output. Exact decimal arithmetic."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from batches.planning.estimate.history import Key, Past
from batches.planning.estimate.kinds import Kind
from claude import current_models
from claude.current_models import Price
from claude.messages import Usage

MILLION = Decimal(1_000_000)


@dataclass(kw_only=True)
class Bill:
    """The costs in USD, and the tokens, of all calls of all items of one kind."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_cost: Decimal = Decimal(0)
    output_cost: Decimal = Decimal(0)

    @property
    def cost(self) -> Decimal:
        return self.input_cost + self.output_cost


def bill_of(
    keys: Sequence[Key],
    kinds: Mapping[Key, Kind],
    prompts: Sequence[int],
    *,
    cached: Collection[str] = (),
    on: date,
) -> dict[Key, Bill]:
    """The bill of each kind. `keys` and `prompts` have one entry for each item: its kind, and the tokens of its prompt.

    The size of a prompt decides its price step. For the template versions in `cached`, the shares of cache reads and
    writes are those of the history; without history no saving is assumed. Raises UnknownPrice.
    """

    @cache
    def price(model: str, prompt_tokens: int) -> Price:
        return current_models.find_price(model, on=on, prompt_tokens=prompt_tokens)

    alike: dict[tuple[Key, Price], list[int]] = defaultdict(list)
    for key, prompt in zip(keys, prompts, strict=True):
        alike[key, price(key.model, prompt)].append(prompt)
    bills: dict[Key, Bill] = defaultdict(Bill)
    for (key, step), sizes in alike.items():
        _add(bills[key], kinds[key], step, sizes, cached=str(key.version) in cached)
    return bills


def _add(bill: Bill, kind: Kind, step: Price, sizes: Sequence[int], *, cached: bool) -> None:
    asked, written = round(sum(sizes) * kind.calls), round(len(sizes) * kind.output.mean)
    usage = _split(kind.past if cached else None, asked)
    bill.input_tokens += asked
    bill.output_tokens += written
    bill.input_cost += (
        usage.input_tokens * step.input
        + usage.cache_write_5m * step.cache_write_5m
        + usage.cache_read * step.cache_read
    ) / MILLION
    bill.output_cost += written * step.output / MILLION


def _split(past: Past | None, asked: int) -> Usage:
    """Prompt tokens divided into plain input, cache writes and cache reads, in the shares that the history shows."""
    read = round(asked * past.cache_read) if past else 0
    written = round(asked * past.cache_write) if past else 0
    return Usage(
        input_tokens=asked - read - written, output_tokens=0, cache_write_5m=written, cache_read=read
    )
