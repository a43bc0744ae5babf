"""Turns that are not in the language of the template."""

from collections.abc import Iterable, Iterator

from conversations.quality.detectors.language.detection import is_other_language
from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

LONGEST_READ = 4_000  # characters of a turn


def find_wrong_language(turns: Iterable[PreparedTurn], language: str) -> Iterator[Flag]:
    """A flag for each turn that is clearly in another language; none when no language was asked for."""
    if not language:
        return
    for turn in turns:
        if is_other_language(turn.content[:LONGEST_READ], turn.words, language):
            yield Flag("wrong_language", turn.number, cut_quote(turn.content, 0, 0))
