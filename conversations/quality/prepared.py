"""The turns as the detectors read them: folded once, divided into words once."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from conversations.quality.structure import SpokenTurn

# Languages without blanks between words (Thai, Lao, kana, Han) are read by the character.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+(?:'[^\W_]+)*"
)
_SAME = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00a0": " ", "\u201c": '"', "\u201d": '"'}
)


class PreparedTurn:
    """A turn with its number (from 1), its text in small letters with plain quotation marks, and its words.

    `plain` has the length of `content`, so that a place in the one is the same place in the other.
    """

    def __init__(self, number: int, turn: SpokenTurn) -> None:
        self.number = number
        self.role = turn.role
        self.content = turn.content
        lowered = turn.content.translate(_SAME).lower()
        if len(lowered) != len(
            turn.content
        ):  # a few letters become two when they are lowered, such as the Turkish İ
            lowered = "".join(letter.lower()[0] for letter in turn.content.translate(_SAME))
        self.plain = lowered

    @cached_property
    def words(self) -> list[str]:
        return split_words(self.plain)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)


def prepare(turns: Sequence[SpokenTurn]) -> list[PreparedTurn]:
    return [PreparedTurn(number, turn) for number, turn in enumerate(turns, start=1)]


def split_words(text: str) -> list[str]:
    """The words of a text in small letters; where a language has no blanks between words, its characters."""
    return _WORD.findall(text)


def join_words(turns: Iterable[PreparedTurn]) -> list[str]:
    return [word for turn in turns for word in turn.words]
