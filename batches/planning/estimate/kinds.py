"""The kinds of items in a plan (same template version, tier and model), and what is expected of each kind."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from batches.planning.estimate.forecast import PRIOR_SPREAD, Belief, belief
from batches.planning.estimate.history import TIER_OUTPUT_TOKENS, Key, Past, past
from batches.planning.plan import PlannedItem

TOKENS_PER_SECOND = 70  # output of a current model
SECONDS_BEFORE_OUTPUT = 2.0
# Calls of the simulator with its default options: about a second, a fifth more or less.
SIMULATED_CALL_S, SIMULATED_SPREAD = 1.05, 0.12
# The assumption of one call for each item weighs as much as so many items of history.
PRIOR_ITEMS = 2


@dataclass(frozen=True, kw_only=True)
class Kind:
    """So many `items` of the plan have this key. `past`: what earlier items of the kind took; None without any."""

    key: Key
    items: int
    past: Past | None

    @property
    def known(self) -> int:
        """The number of earlier items."""
        return self.past.items if self.past else 0

    @cached_property
    def output(self) -> Belief:
        """The output tokens of an item, unusable replies included."""
        usual = TIER_OUTPUT_TOKENS[self.key.tier]
        if self.past is None:
            return belief(usual)
        return belief(
            usual, mean=self.past.output, log_variance=self.past.output_spread, known=self.past.items
        )

    @cached_property
    def calls(self) -> float:
        """The mean number of calls for an item."""
        if self.past is None:
            return 1.0
        return (self.past.calls + PRIOR_ITEMS) / (self.past.items + PRIOR_ITEMS)

    @cached_property
    def seconds(self) -> Belief:
        """The seconds of all calls of an item."""
        usual = self._usual_seconds()
        usual_spread = SIMULATED_SPREAD if settings.DEMO else PRIOR_SPREAD
        if self.past is None or not self.past.timed:
            return belief(usual, usual_spread=usual_spread)
        return belief(
            usual,
            usual_spread=usual_spread,
            mean=self.past.seconds,
            log_variance=self.past.seconds_spread,
            known=self.past.timed,
        )

    @property
    def seconds_spread(self) -> float:
        """The variance of the logarithm of an item's seconds."""
        return math.log1p(self.seconds.spread)

    def takes(self, rate: str, *, prompt: int) -> float:
        """What an item with a prompt of so many tokens uses of a rate limit. Tokens read from the cache do not count there."""
        fresh = 1 - self.past.cache_read if self.past else 1.0
        return {
            "requests": self.calls,
            "input_tokens": self.calls * prompt * fresh,
            "output_tokens": self.output.mean,
        }[rate]

    def _usual_seconds(self) -> float:
        if settings.DEMO:
            return SIMULATED_CALL_S * self.calls
        return SECONDS_BEFORE_OUTPUT * self.calls + self.output.mean / TOKENS_PER_SECOND


def keys_of(plan: Sequence[PlannedItem], models: Sequence[str]) -> list[Key]:
    return [Key(item.version.pk, item.tier, model) for item, model in zip(plan, models, strict=True)]


def kinds_of(keys: Sequence[Key]) -> dict[Key, Kind]:
    """The kinds of these items, each with its history. In demo mode the history is that of simulated calls, else of real ones."""
    found = past(keys, simulated=settings.DEMO)
    return {key: Kind(key=key, items=items, past=found.get(key)) for key, items in Counter(keys).items()}
