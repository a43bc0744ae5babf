"""Three ways to make a near-duplicate of a conversation."""

import random
import re

from conversations.parsing import TurnDraft
from tests.conversations.quality.planted.writing import CLEAN, TURNS, write_clean

OTHER_WORDS = ("perhaps", "really", "quite", "again", "small", "often", "still", "later", "maybe", "simple")
NAMES: list[str] = CLEAN["slots"]["person"] + CLEAN["slots"]["place"]


def change_words(turns: list[TurnDraft], chance: random.Random) -> list[TurnDraft]:
    """2% of the words are other words."""
    words = [turn.content.split(" ") for turn in turns]
    places = [(turn, word) for turn, each in enumerate(words) for word in range(len(each))]
    for turn, word in chance.sample(places, max(1, round(len(places) * 0.02))):
        words[turn][word] = chance.choice(OTHER_WORDS)
    return [TurnDraft(turn.role, " ".join(each)) for turn, each in zip(turns, words, strict=True)]


def swap_names(turns: list[TurnDraft], chance: random.Random) -> list[TurnDraft]:
    """Each name of a person or a place is another one, the same everywhere."""
    shuffled = dict(zip(NAMES, chance.sample(NAMES, len(NAMES)), strict=True))
    pattern = re.compile(rf"\b({'|'.join(NAMES)})\b")
    return [TurnDraft(turn.role, pattern.sub(lambda name: shuffled[name[1]], turn.content)) for turn in turns]


def replace_turns(turns: list[TurnDraft], chance: random.Random) -> list[TurnDraft]:
    """2 of 12 turns are those of another conversation."""
    other, copy = write_clean(chance), list(turns)
    for at in chance.sample(range(TURNS), 2):
        copy[at] = other[at]
    return copy
