"""What the prompts of a plan have in common, and whether caching it saves money.

Of each template version: the longest beginning of system and prompt that all its items share. It is kept on the job with
the estimate, as `shared`: the version's id to characters and lifetime. A call that is made later marks so much of its own
text, whatever it is: a beginning that differs after all costs a cache miss and nothing else.
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

# Fewer tokens than characters / 4 no text of a European language has; what is too short is silently not cached.
MOST_CHARACTERS_A_TOKEN = 4
# A gap between two calls is known only about: beyond this share of its lifetime an entry counts as gone.
SURE_SHARE = 0.7
# Where nothing better is near, a cut after a space; a line's end within the last quarter is better.
NEAR = 0.75


def find_shared_prefixes(
    plan: Sequence[PlannedItem], requests: Sequence[Request], *, seconds: float, concurrency: int, on: date
) -> dict[str, dict[str, Any]]:
    """By version: `characters` and `lifetime`, only where it saves. `seconds`: what the whole plan will take."""
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
    """How many characters of system and prompt, counted together, all of them begin with."""
    systems = _common([request.system for request in requests])
    if any(request.system != systems for request in requests):
        return _cut(systems)
    prompts = _common([request.prompt for request in requests])
    whole = all(request.prompt == prompts for request in requests)
    return len(systems) + (len(prompts) if whole else _cut(prompts))


def _common(texts: Sequence[str]) -> str:
    """What all of them begin with: what the first and the last in order of the alphabet do."""
    first, last = min(texts), max(texts)
    ends = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(ends, min(len(first), len(last)))]


def _cut(common: str) -> int:
    """Where a text may be parted: behind a line, else behind a space; never inside a word, whose tokens would change."""
    line = common.rfind("\n") + 1
    return line if line >= NEAR * len(common) else max(line, common.rfind(" ") + 1)


def _lifetime(model: str, gaps: Sequence[float], *, call_s: float, on: date) -> str:
    """Empty, 5m or 1h: whichever makes the shared tokens of these calls cheapest."""
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
    """Of one shared token over all calls, in millionths: a write at first and after each gap, a read else."""
    lost = sum(wait > SURE_SHARE * LIFETIMES_S[lifetime] for wait in waits)
    return (1 + lost) * price.dearest_input(lifetime) + (len(waits) - lost) * price.cache_read
