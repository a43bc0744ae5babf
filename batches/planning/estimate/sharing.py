"""Shared prefixes: what the prompts of a plan begin with, and whether caching it saves money.

For each template version it is the longest beginning of system prompt and prompt that all its items have in common. The
job's estimate keeps it as `shared`: the id of the version to its number of characters and its lifetime in the cache. Each
call later marks so many characters of its own text for caching. If they differ after all, only the saving is lost.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from batches.planning.plan import PlannedItem
from claude import current_models
from claude.current_models import UnknownModel
from claude.messages import LIFETIMES_S, Request
from claude.model_card import Price

# Text in a European language has at least one token for 4 characters. The provider does not cache too short a prefix.
MOST_CHARACTERS_A_TOKEN = 4
# Gaps between calls are only estimated, so an entry is taken to be expired after this share of its lifetime.
SURE_SHARE = 0.7
# The prefix is cut after a line if one ends within its last quarter, else after a space.
NEAR = 0.75


class Beginning:
    """The longest beginning of system prompt and prompt that all requests of a template version have in common."""

    def __init__(self, request: Request) -> None:
        self.model = request.model
        self._system, self._prompt = request.system, request.prompt
        self._is_one_system = self._is_one_prompt = True

    def add(self, request: Request) -> None:
        """Another request of the version."""
        self._is_one_system = self._is_one_system and request.system == self._system
        self._is_one_prompt = self._is_one_prompt and request.prompt == self._prompt
        self._system = cut_to_common(self._system, request.system)
        self._prompt = cut_to_common(self._prompt, request.prompt)

    def count_characters(self) -> int:
        """The number of characters, of system prompt and prompt together, that all requests begin with."""
        if not self._is_one_system:
            return _cut(self._system)
        return len(self._system) + (len(self._prompt) if self._is_one_prompt else _cut(self._prompt))


def find_shared_prefixes(
    plan: Sequence[PlannedItem],
    beginnings: Mapping[UUID, Beginning],
    *,
    seconds: float,
    concurrency: int,
    on: date,
) -> dict[str, dict[str, Any]]:
    """By version id: `characters` and `lifetime` (5m or 1h), where caching saves money.

    `beginnings`: by version, that of its prompts. `seconds`: the time of the whole plan.
    """
    places: dict[UUID, list[int]] = defaultdict(list)
    for place, item in enumerate(plan):
        places[item.version.pk].append(place)
    pace = seconds / max(1, len(plan))
    call_s = pace * min(concurrency, len(plan))
    found = {}
    for version, those in places.items():
        model = beginnings[version].model
        gaps = [pace * (after - before) for before, after in pairwise(those)]
        characters = beginnings[version].count_characters() if len(those) > 1 else 0
        if not _is_long_enough(characters, model):
            continue
        lifetime = _lifetime(model, gaps, call_s=call_s, on=on)
        if lifetime:
            found[str(version)] = {"characters": characters, "lifetime": lifetime}
    return found


def cut_to_common(common: str, text: str) -> str:
    """The longest beginning that both have: `common` itself where the text begins with it, as is usual."""
    if text.startswith(common):
        return common
    low, high = 0, min(len(common), len(text))
    while low < high:  # the first `low` characters are equal; those behind `high` are not
        middle = (low + high + 1) // 2
        if text.startswith(common[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return common[:low]


def _cut(common: str) -> int:
    """Where to cut a common beginning: after a line or a space, never inside a word, because its tokens would change."""
    line = common.rfind("\n") + 1
    return line if line >= NEAR * len(common) else max(line, common.rfind(" ") + 1)


def _lifetime(model: str, gaps: Sequence[float], *, call_s: float, on: date) -> str:
    """The lifetime (none, 5m or 1h) with which the shared tokens of these calls cost least."""
    price = current_models.find_price(model, on=on, prompt_tokens=0)
    # The second call waits for the first one's reply, and an entry lives from the start of a request on.
    waits = [max(gaps[0], call_s), *gaps[1:]]
    costs = {"": price.input * (len(gaps) + 1)}
    costs |= {lifetime: _cost(price, waits, lifetime) for lifetime in LIFETIMES_S}
    return min(costs, key=lambda lifetime: costs[lifetime])


def _is_long_enough(characters: int, model: str) -> bool:
    try:
        least = current_models.find_card(model).min_cache_tokens
    except UnknownModel:
        return False
    return characters > 0 and characters >= least * MOST_CHARACTERS_A_TOKEN


def _cost(price: Price, waits: Sequence[float], lifetime: str) -> Decimal:
    """The cost of one shared token over all calls, in millionths of a USD: a write at first and after each long gap, else a read."""
    lost = sum(wait > SURE_SHARE * LIFETIMES_S[lifetime] for wait in waits)
    return (1 + lost) * price.dearest_input(lifetime) + (len(waits) - lost) * price.cache_read
