"""Phrases with choices and slots: `[this|that] costs <amount> a month`.

Choices are drawn each time; slots have one value for a whole conversation. The value of a slot is never read as a phrase
again, so a topic with brackets stays as it is.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_MARK = re.compile(r"\[([^\]]*\|[^\]]*)\]|<(\w+)>")
# `I am` becomes `I'm`, as people speak, but only before a word and never across a slot.
_LONG = re.compile(
    r"(?<!than )(?<!about )(?<!behind )(?<!where )(?<!who )\b"
    r"(?:I am|(?:[Ii]t|[Tt]hat|[Tt]here) is|(?:[Yy]ou|[Tt]hey|[Ww]e) are|"
    r"(?:I|[Yy]ou|[Ww]e|[Tt]hey|[Ii]t) will(?! not)|(?:I|[Yy]ou|[Tt]hey|[Ww]e) would(?! not)|"
    r"(?:[Dd]o|[Dd]oes|[Dd]id|is|was|has|had|would|could|should) not|cannot|Let us)(?= [a-z])"
)
_SHORT = {"am": "m", "is": "s", "are": "re", "will": "ll", "would": "d", "us": "s"}
_SHARES: Mapping[str, tuple[float, float]] = {  # of the monthly income, so that a household adds up
    "spare": (0.03, 0.1),
    "bill": (0.01, 0.05),
    "fixed": (0.45, 0.7),
}
_STEPS: Mapping[str, tuple[int, int, int]] = {
    "income": (2600, 9400, 100),
    "savings": (1200, 38000, 200),
    "debt": (2400, 41000, 100),
    "big": (60000, 540000, 5000),
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

    def __init__(
        self,
        chance: random.Random,
        *,
        currency: str = "$",
        slots: Mapping[str, str] | None = None,
        amounts: Mapping[str, int] | None = None,
        contracted: bool = False,
    ):
        self.chance = chance
        self._currency = currency
        self._contracted = contracted
        self._slots = dict(slots or {})
        self._numbers = dict(amounts or {})
        self._used: set[str] = set()

    def fill(self, name: str, value: str) -> None:
        self._slots[name] = value

    def say(self, phrase: str) -> str:
        return "".join(self._part(part) for part in _parts(phrase, self._contracted))

    def pick(self, phrases: Sequence[str]) -> str:
        """A phrase that this conversation has not used yet, as long as there is one."""
        fresh = [phrase for phrase in phrases if phrase not in self._used]
        phrase = self.chance.choice(fresh or phrases)
        self._used.add(phrase)
        return self.say(phrase)

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
            self._numbers[name] = (
                self._share(name) if name in _SHARES else self.chance.randrange(*_STEPS[name])
            )
        return self._numbers[name]

    def _share(self, name: str) -> int:
        amount = self._amount("income") * self.chance.uniform(*_SHARES[name])
        return max(5, round(amount / 10) * 10)

    def _money(self, amount: int) -> str:
        return f"{self._currency}{amount:,}"


@cache
def bank() -> Mapping[str, Any]:
    """The phrases, read once."""
    with Path(__file__).with_name("phrases.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _parts(phrase: str, contracted: bool) -> tuple[tuple[str, ...], ...]:
    parts: list[tuple[str, ...]] = []
    end = 0
    for match in _MARK.finditer(phrase):
        parts.append(_plain(phrase[end : match.start()], contracted=contracted))
        choices, slot = match.groups()
        parts.append(("slot", slot) if slot else ("choice", *choices.split("|")))
        end = match.end()
    return (*parts, _plain(phrase[end:], contracted=contracted))


def _plain(text: str, *, contracted: bool) -> tuple[str, str]:
    return ("text", _LONG.sub(lambda match: _short(match[0]), text) if contracted else text)


def _short(words: str) -> str:
    if words == "cannot":
        return "can't"
    if words.endswith(" not"):
        return words.removesuffix(" not") + "n't"
    subject, verb = words.split(" ")
    return f"{subject}'{_SHORT.get(verb, verb)}"
