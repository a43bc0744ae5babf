"""Conversations that are flawed on purpose, so that a demo has something to review.

Of the conversations that are asked for, every n-th gets a flaw, one kind after the other. A batch asks in the order of its
items, so that its 8th, 16th, ... conversation is flawed, and 90 of them show every kind.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from claude.simulator.replies.script import Script
from claude.simulator.replies.wording import Words, bank

KEPT = 24  # conversations; the oldest of them is repeated, because it has surely been stored by then
Plant = Callable[[Script, random.Random], str]


class Planter:
    """Counts the conversations of one simulator and plants the flaws."""

    def __init__(self) -> None:
        self._seen = 0
        self._earlier: deque[Script] = deque(maxlen=KEPT)

    def plant(self, script: Script, chance: random.Random, *, every: int) -> str:
        """Change the script when it is one of the flawed ones. Returns the kind of its flaw; "" for none."""
        self._seen += 1
        if self._seen % every:
            self._earlier.append(Script(script.title, list(script.turns)))
            return ""
        kinds = list(KINDS)
        kind = kinds[(self._seen // every - 1) % len(kinds)]
        if kind == "near_duplicate" and self._earlier:
            _repeat(script, self._earlier[0])
        else:
            KINDS[kind](script, Words(chance))
        return kind


def _repeat(script: Script, earlier: Script) -> None:
    """An earlier conversation again; only the first question is another one."""
    script.turns[1:] = earlier.turns[1:]


def _leak(script: Script, words: Words) -> None:
    at = _choose_turn(script, words, "assistant")
    _replace(script, at, f"{_pick(words, 'leaks')} {script.turns[at][1]}")


def _reveal(script: Script, words: Words) -> None:
    """An IBAN with right check digits. It belongs to nobody: no German bank code begins with a zero."""
    account = f"{words.chance.randrange(10**10):010}"
    words.fill("iban", _make_iban(account))
    at = _choose_turn(script, words, "user")
    _replace(script, at, f"{script.turns[at][1]} {_pick(words, 'accounts')}")


def _add_stock_phrases(script: Script, words: Words) -> None:
    at = _choose_turn(script, words, "assistant")
    before, after = _pick(words, "stock_openings"), _pick(words, "stock_endings")
    _replace(script, at, f"{before} {script.turns[at][1]} {after}")


def _refuse(script: Script, words: Words) -> None:
    """The planner refuses the plan that it was asked for, and the conversation ends there."""
    _replace(script, len(script.turns) - 1, _pick(words, "refusals"))


def _change_language(script: Script, words: Words) -> None:
    _replace(script, _choose_turn(script, words, "assistant"), _pick(words, "foreign"))


def _shorten(script: Script, words: Words) -> None:
    """One exchange in which nothing is said: its structure score is 5.4, so that it needs revision."""
    del script.turns[2:]
    for at, (role, text) in enumerate(script.turns):
        _replace(script, at, text.split(". ")[0][:60] if role == "user" else _pick(words, "curt"))


KINDS: Mapping[str, Callable[[Script, Words], None]] = {
    "leak": _leak,
    "personal_data": _reveal,
    "stock_phrases": _add_stock_phrases,
    "near_duplicate": _leak,  # as long as there is nothing to repeat
    "refusal": _refuse,
    "wrong_language": _change_language,
    "too_short": _shorten,
}


def choose_plant(planter: Planter, *, every: int) -> Plant | None:
    """What plants the flaws into every n-th conversation; None for 0."""
    return partial(planter.plant, every=every) if every else None


def _pick(words: Words, name: str) -> str:
    return words.pick(bank()["flaws"][name])


def _choose_turn(script: Script, words: Words, role: str) -> int:
    """The index of a turn of this role, but for the first and the last turn."""
    found = [at for at, turn in enumerate(script.turns) if turn[0] == role]
    return words.chance.choice([at for at in found if 0 < at < len(script.turns) - 1] or found)


def _replace(script: Script, at: int, text: str) -> None:
    script.turns[at] = (script.turns[at][0], text)


def _make_iban(account: str) -> str:
    """The German IBAN of an account at a bank that does not exist, in groups of four."""
    own = "0" * 8 + account
    check = 98 - int(own + "131400") % 97  # ISO 13616: DE is 13 14, and 00 stands for the check digits
    whole = f"DE{check:02}{own}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
