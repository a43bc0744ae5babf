"""Lists of patterns, kept in `patterns/`. A list is searched only in turns that hold one of its words, because most turns hold none."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from conversations.quality.prepared import PreparedTurn

_FRAGMENT = re.compile(r"<(\w+)>")


class Phrases:
    """Patterns for a text in small letters.

    `words`: each match holds at least one of them. `role`: only turns of this role are searched; empty for both.
    `points`: what a match is worth, where matches are weighed.
    """

    def __init__(
        self, *, words: Collection[str], patterns: Iterable[str], role: str = "", points: float = 1.0
    ) -> None:
        self.words = frozenset(words)
        self.pattern = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        self.role = role
        self.points = points

    def search(self, turn: PreparedTurn) -> re.Match[str] | None:
        """The first match in the turn, which is not asked whether it has one of the words."""
        return next(self.find_all(turn), None)

    def find_all(self, turn: PreparedTurn) -> Iterator[re.Match[str]]:
        if self.role and turn.role != self.role:
            return iter(())
        return self.pattern.finditer(turn.plain)


class PhraseBook:
    """Several lists, of which a turn is searched by those alone that have a word in common with it."""

    def __init__(self, lists: Iterable[Phrases]) -> None:
        self.lists = tuple(lists)
        self.by_word: dict[str, list[int]] = {}
        for number, each in enumerate(self.lists):
            for word in each.words:
                self.by_word.setdefault(word, []).append(number)
        self.words = frozenset(self.by_word)

    def find_lists(self, turn: PreparedTurn) -> list[Phrases]:
        """In their own order."""
        shared = turn.vocabulary & self.words
        numbers = {number for word in shared for number in self.by_word[word]}
        return [self.lists[number] for number in sorted(numbers)]

    def search(self, turn: PreparedTurn) -> re.Match[str] | None:
        """The first match of the first list that has one."""
        return next((found for each in self.find_lists(turn) if (found := each.search(turn))), None)


def read_phrases(name: str) -> PhraseBook:
    """The lists of `patterns/<name>.toml`. `<word>` in a pattern stands for the fragment of that name."""
    with _READING:
        return _read(name)


# The first conversations of a worker are stored by hundreds of threads at once. Each of them would compile all patterns.
_READING = Lock()


@cache
def _read(name: str) -> PhraseBook:
    read = tomllib.loads((Path(__file__).parent / "patterns" / f"{name}.toml").read_text(encoding="utf-8"))
    fragments: Mapping[str, str] = read.get("fragments", {})
    return PhraseBook(_build(each, fragments) for each in read[name])


def _build(entry: Mapping[str, Any], fragments: Mapping[str, str]) -> Phrases:
    patterns = [
        _FRAGMENT.sub(lambda part: fragments.get(part[1], part[0]), each) for each in entry["patterns"]
    ]
    return Phrases(
        words=entry["words"].split(),
        patterns=patterns,
        role=entry.get("role", ""),
        points=entry.get("points", 1.0),
    )
