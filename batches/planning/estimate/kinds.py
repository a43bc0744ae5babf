"""The items of a plan that history cannot tell apart, and what is believed about each kind of them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from batches.planning.estimate.forecast import PRIOR_SPREAD, Belief, belief
from batches.planning.estimate.history import TIER_OUTPUT_TOKENS, Key, Past, past
from batches.planning.plan import PlannedItem
from claude.messages import Request

TOKENS_PER_SECOND = 70  # of a current model, for the time of a call
SECONDS_BEFORE_OUTPUT = 2.0
# The simulator's calls, as it is started: a second, a fifth more or less.
SIMULATED_CALL_S, SIMULATED_SPREAD = 1.05, 0.12
# That an item needs one call counts as much as so many items of history.
PRIOR_ITEMS = 2


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`items` of the plan are of one template version, for one tier, to one model."""

    key: Key
    items: int
    past: Past | None

    @property
    def known(self) -> int:
        """How many items of history there are."""
        return self.past.items if self.past else 0

    @cached_property
    def output(self) -> Belief:
        """Output tokens of an item, with what is paid for and cannot be used."""
        usual = TIER_OUTPUT_TOKENS[self.key.tier]
        if self.past is None:
            return belief(usual)
        return belief(
            usual, mean=self.past.output, log_variance=self.past.output_spread, known=self.past.items
        )

    @cached_property
    def calls(self) -> float:
        """How often an item is asked for, in the mean."""
        if self.past is None:
            return 1.0
        return (self.past.calls + PRIOR_ITEMS) / (self.past.items + PRIOR_ITEMS)

    @cached_property
    def seconds(self) -> Belief:
        """Seconds of an item's calls together."""
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
        """The variance of an item's logarithm."""
        return math.log1p(self.seconds.spread)

    def takes(self, rate: str, *, prompt: int) -> float:
        """What an item with a prompt of so many tokens takes of a limit. Reads from a cache are not input there."""
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


def keys_of(plan: Sequence[PlannedItem], requests: Sequence[Request]) -> list[Key]:
    return [
        Key(item.version.pk, item.tier, request.model) for item, request in zip(plan, requests, strict=True)
    ]


def kinds_of(keys: Sequence[Key]) -> dict[Key, Kind]:
    """Every kind with what is on record of it. Calls of a demo tell nothing about real ones, nor they about those."""
    found = past(keys, simulated=settings.DEMO)
    return {key: Kind(key=key, items=items, past=found.get(key)) for key, items in Counter(keys).items()}
