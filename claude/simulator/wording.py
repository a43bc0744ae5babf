"""Phrases with choices and slots: `[this|that] costs <amount> a month`.

Choices are drawn anew each time; slots are the same all through one conversation. What a slot holds is never read
again as a phrase, so a topic with brackets in it stays as it is.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_MARK = re.compile(r"\[([^\]]*\|[^\]]*)\]|<(\w+)>")
_STEPS: Mapping[str, tuple[int, int, int]] = {
    "income": (2600, 9400, 100),
    "savings": (1200, 38000, 200),
    "debt": (2400, 41000, 100),
    "big": (60000, 540000, 5000),
    "spare": (120, 950, 10),
    "bill": (35, 480, 5),
    "fixed": (1300, 3900, 50),
    "price": (190000, 640000, 5000),
    "loss": (3000, 46000, 500),
    "gift": (5000, 90000, 1000),
}
_PLAIN: Mapping[str, tuple[int, int]] = {
    "age": (24, 67),
    "years": (3, 22),
    "months": (3, 14),
    "weeks": (2, 7),
    "percent": (3, 18),
    "half": (20, 60),
    "count": (2, 5),
}


class Words:
    """Fills phrases for one conversation: one source of chance, one set of numbers."""

    def __init__(self, chance: random.Random, *, currency: str = "$", **slots: str):
        self.chance = chance
        self._currency = currency
        self._slots: dict[str, str] = dict(slots)
        self._numbers: dict[str, int] = {}

    def fill(self, name: str, value: str) -> None:
        self._slots[name] = value

    def say(self, phrase: str) -> str:
        return "".join(self._part(part) for part in _parts(phrase))

    def pick(self, phrases: Sequence[str]) -> str:
        return self.say(self.chance.choice(phrases))

    def _part(self, part: tuple[str, ...]) -> str:
        kind, *rest = part
        if kind == "text":
            return rest[0]
        return self._slot(rest[0]) if kind == "slot" else self.say(self.chance.choice(rest))

    def _slot(self, name: str) -> str:
        if name not in self._slots:
            self._slots[name] = self._number(name)
        return self._slots[name]

    def _number(self, name: str) -> str:
        if name in _PLAIN:
            return str(self.chance.randint(*_PLAIN[name]))
        if name.endswith("_year"):
            return self._money(self._amount(name.removesuffix("_year")) * 12)
        if name.endswith("_half"):
            return self._money(self._amount(name.removesuffix("_half")) // 20 * 10)
        return self._money(self._amount(name))

    def _amount(self, name: str) -> int:
        if name not in self._numbers:
            low, high, step = _STEPS[name]
            self._numbers[name] = self.chance.randrange(low, high, step)
        return self._numbers[name]

    def _money(self, amount: int) -> str:
        return f"{self._currency}{amount:,}"


@cache
def bank() -> Mapping[str, Any]:
    """The phrases, read once."""
    with Path(__file__).with_name("phrases.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _parts(phrase: str) -> tuple[tuple[str, ...], ...]:
    parts: list[tuple[str, ...]] = []
    end = 0
    for match in _MARK.finditer(phrase):
        parts.append(("text", phrase[end : match.start()]))
        choices, slot = match.groups()
        parts.append(("slot", slot) if slot else ("choice", *choices.split("|")))
        end = match.end()
    return (*parts, ("text", phrase[end:]))
