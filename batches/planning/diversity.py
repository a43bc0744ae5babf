"""Diversity without temperature: items with the same values get different prompts by details drawn from small lists.

The combinations of the lists are numbered. Items with the same prompt form a cell. The first item of a cell gets the
combination at a start, each next one the combination a step further; start and step are drawn from the seed and the cell.
The step shares no factor with the number of combinations, so all of them come once before one comes twice.
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
    """The lists of the data file, in the order of the file: name to lines."""
    text = (resources.files("batches.planning") / FILE).read_text(encoding="utf-8")
    return {name: tuple(lines) for name, lines in tomllib.loads(text).items()}


def combinations() -> int:
    """The number of different combinations."""
    return prod(len(lines) for lines in lists().values())


def draw_details(*, seed: int, cell: str, number: int) -> dict[str, str]:
    """The details of item `number` (from 0) of a cell, one line from each list. The same arguments give the same details."""
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
    """The items, each with drawn details added. What an item has a value or a detail for already is not replaced.

    Items whose template has diversity turned off are returned unchanged.
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
    """A key that is equal for items which would have the same prompt."""
    values = json.dumps([item.topic, dict(item.parameters)], sort_keys=True, ensure_ascii=False, default=str)
    return f"{item.version.pk} {values}"
