"""Prompt leakage: the text speaks of its prompt, of its own making, or of being a language model.

Two ways find it. Patterns know the usual words. And a run of words that stands in the template's own text, outside quotation
marks, is an instruction that was copied: what the speakers are to say comes from values, which are no part of that text.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from conversations.quality.detectors.phrases import read_phrases
from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn, split_words

RUN = 8  # words; shorter runs occur in any two English texts about one subject
LONGEST_INSTRUCTIONS = 100_000  # characters
_FILLED = re.compile(r"\{\{[^{}]{0,300}\}\}|\{%[^{}%]{0,300}%\}")
_QUOTED = re.compile(
    r'"[^"\n]{1,2000}"|\u201c[^\u201d\n]{1,2000}\u201d|\u00ab[^\u00bb\n]{1,2000}\u00bb|^[ \t]*>.*$',
    re.MULTILINE,
)

_TAGS = re.compile(
    r"</?(?:instructions?|system(?:[_-]?prompt)?|persona|scenario|conversation|context|output(?:[_-]format)?|example|template|guidelines|scratchpad|thinking|reasoning|user_?(?:input|query|message))\s*>"
)


def find_leakage(turns: Iterable[PreparedTurn], *, instructions: Iterable[str] = ()) -> Iterator[Flag]:
    """A flag for each turn that leaks. `instructions`: the texts of the template, before their variables are filled."""
    runs = _find_runs(tuple(text[:LONGEST_INSTRUCTIONS] for text in instructions))
    for turn in turns:
        found = _search(turn)
        if found is not None:
            yield Flag("prompt_leakage", turn.number, cut_quote(turn.content, found.start(), found.end()))
        elif runs and (copied := _find_copied(turn, runs)):
            yield Flag("prompt_leakage", turn.number, copied)


def _search(turn: PreparedTurn) -> re.Match[str] | None:
    if "<" in turn.plain and (found := _TAGS.search(turn.plain)):
        return found
    return read_phrases("leakage").search(turn)


def _find_copied(turn: PreparedTurn, runs: frozenset[tuple[str, ...]]) -> str:
    own = _make_runs(turn.words)
    if runs.isdisjoint(own):
        return ""
    return next(" ".join(run) for run in _make_runs(turn.words) if run in runs)


def _make_runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[at:] for at in range(RUN)), strict=False)


@lru_cache(maxsize=200)
def _find_runs(instructions: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The runs of words in a template's texts, not across variables and without what stands in quotation marks."""
    plain = "\n\n".join(_QUOTED.sub(" \n\n ", text.replace("\u2019", "'")) for text in instructions)
    parts = (split_words(part.lower()) for line in _FILLED.split(plain) for part in line.split("\n\n"))
    return frozenset(run for words in parts for run in _make_runs(words))
