"""Shared prefixes: what the prompts of a plan begin with, and whether caching it saves money.

For each template version it is the longest beginning of system prompt and prompt that all its items have in common. The
job's estimate keeps it as `shared`: the id of the version to its number of characters and its lifetime in the cache. Each
call later marks so many characters of its own text for caching. If they differ after all, only the saving is lost.
"""

from collections import defaultdict
from collections.abc import Sequence
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


def find_shared_prefixes(
    plan: Sequence[PlannedItem], requests: Sequence[Request], *, seconds: float, concurrency: int, on: date
) -> dict[str, dict[str, Any]]:
    """By version id: `characters` and `lifetime` (5m or 1h), where caching saves money. `seconds`: the time of the whole plan."""
    places: dict[UUID, list[int]] = defaultdict(list)
    for place, item in enumerate(plan):
        places[item.version.pk].append(place)
    pace = seconds / max(1, len(plan))
    call_s = pace * min(concurrency, len(plan))
    found = {}
    for version, those in places.items():
        asked = [requests[place] for place in those]
        gaps = [pace * (after - before) for before, after in pairwise(those)]
        characters = count_shared_characters(asked) if len(asked) > 1 else 0
        if not _is_long_enough(characters, asked[0].model):
            continue
        lifetime = _lifetime(asked[0].model, gaps, call_s=call_s, on=on)
        if lifetime:
            found[str(version)] = {"characters": characters, "lifetime": lifetime}
    return found


def count_shared_characters(requests: Sequence[Request]) -> int:
    """The number of characters, of system prompt and prompt together, that all requests begin with."""
    systems = _common([request.system for request in requests])
    if any(request.system != systems for request in requests):
        return _cut(systems)
    prompts = _common([request.prompt for request in requests])
    whole = all(request.prompt == prompts for request in requests)
    return len(systems) + (len(prompts) if whole else _cut(prompts))


def _common(texts: Sequence[str]) -> str:
    """The common beginning of all texts, which is that of the first and the last one in alphabetical order."""
    first, last = min(texts), max(texts)
    ends = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(ends, min(len(first), len(last)))]


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
