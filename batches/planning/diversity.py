"""Diversity without temperature: details drawn by a seed from small lists, so that items of one cell get different prompts.

The combinations of the lists are numbered. A cell starts at one number and goes on by one step, both drawn from the seed
and the cell; the step shares no factor with their count, so no combination comes twice before all have come once.
"""

import functools
import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from math import gcd, prod

from batches.planning.plan import PlannedItem
from batches.planning.quotas import draw_number

FILE = "diversity.toml"


@functools.cache
def lists() -> Mapping[str, tuple[str, ...]]:
    """The lists of the data file, in its order."""
    text = (resources.files("batches.planning") / FILE).read_text(encoding="utf-8")
    return {name: tuple(lines) for name, lines in tomllib.loads(text).items()}


def combinations() -> int:
    """How many different draws there are."""
    return prod(len(lines) for lines in lists().values())


def draw_details(*, seed: int, cell: str, number: int) -> dict[str, str]:
    """The details of item `number` (from 0) of a cell: the same arguments, the same details."""
    whole = combinations()
    step = draw_number(seed, "step", cell) % whole
    while gcd(step, whole) != 1:
        step += 1
    place = (draw_number(seed, "start", cell) + number * step) % whole
    details = {}
    for name, lines in lists().items():
        place, index = divmod(place, len(lines))
        details[name] = lines[index]
    return details


def diversify(items: Sequence[PlannedItem], *, seed: int) -> list[PlannedItem]:
    """Each item with drawn details below its own. Items of one cell have the same template version and values.

    A template may refuse; what an item already has a value or a detail for is left as it is.
    """
    seen: Counter[str] = Counter()
    found = []
    for item in items:
        if not item.version.template.diversity:
            found.append(item)
            continue
        cell = cell_of(item)
        details = draw_details(seed=seed, cell=cell, number=seen[cell])
        seen[cell] += 1
        own = {name: text for name, text in details.items() if name not in item.parameters}
        found.append(replace(item, details={**own, **item.details}))
    return found


def cell_of(item: PlannedItem) -> str:
    """The same for items that would have the same prompt."""
    values = json.dumps([item.topic, dict(item.parameters)], sort_keys=True, ensure_ascii=False, default=str)
    return f"{item.version.pk} {values}"
