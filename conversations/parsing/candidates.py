"""Which JSON values in a text could be the conversation: reasoning, examples and drafts are left out.

The text is read once from left to right. Outside JSON a reasoning block (`<think> ... </think>`) is skipped whole; inside a value the
same words are content and stay. A value counts as labelled when the words before it call it an example or a draft.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conversations.parsing.repair import decode

# Each failed try may read to the end of the text, so their number keeps 2 MB of broken JSON linear.
FAILED_TRIES = 20
# A reply with more values beside one another is no conversation, and comparing them has a price.
MOST_VALUES = 1_000
LABEL_REACH = 160

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|inner_monologue"
_MARK = re.compile(
    rf'<(?P<close>/?)(?P<name>{_NAMES})\b[^<>]{{0,200}}>|\{{\s*["“„}}]|\[\s*[{{\[]|"(?=\s*[{{\[])|"\{{\\',
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(example|e\.g|sample|draft|first (?:attempt|try|version)|format|schema|shape|template|placeholder|like this)\b",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"\b(final|finished|complete|revised|corrected|improved|real|actual|answer|here (?:is|it is|you go)|result)\b",
    re.IGNORECASE,
)
# What stands before a part of a larger value: where that is broken, a whole part may be all that is left of it.
_BEFORE_PART = re.compile(r'(?:["“”]\s*:|[,\[])\s*\Z')
_LOOKS_BROKEN = re.compile(r'["“](?:turns|messages|conversations|role|from)["”]\s*:')


@dataclass(frozen=True, slots=True)
class Candidate:
    """A JSON value in the text. `labelled`: the words before it call it an example, a draft or a format."""

    value: Any
    start: int
    end: int
    labelled: bool = False
    repairs: tuple[str, ...] = ()


@dataclass(slots=True)
class Scan:
    """What a text holds. `broken_at` is where the last value began that looks like a conversation and cannot be read."""

    candidates: list[Candidate] = field(default_factory=list)
    broken_at: int = -1
    broken_why: str = ""
    only_reasoning: bool = False


def scan(text: str) -> Scan:
    """Every value that begins outside reasoning and outside another value, in linear time."""
    found, position, before, failed, reasoned = Scan(), 0, 0, 0, False
    while (
        failed < FAILED_TRIES
        and len(found.candidates) < MOST_VALUES
        and (mark := _MARK.search(text, position))
    ):
        if mark["name"]:
            reasoned = True
            position = _skip_reasoning(text, mark, found)
            before = position
            continue
        try:
            decoded = decode(text, mark.start())
        except (ValueError, RecursionError) as problem:
            failed, position = failed + 1, mark.start() + 1
            if _LOOKS_BROKEN.search(text, mark.start(), mark.start() + 2_000) and not _is_labelled(
                text, before, mark.start()
            ):
                found.broken_at, found.broken_why = mark.start(), str(problem)
            continue
        position = decoded.end
        if failed and _BEFORE_PART.search(text, max(0, mark.start() - LABEL_REACH), mark.start()):
            continue
        labelled = _is_labelled(text, before, mark.start())
        found.candidates.append(
            Candidate(decoded.value, mark.start(), decoded.end, labelled, decoded.repairs)
        )
        before = decoded.end
    found.only_reasoning = reasoned and not text[before:].strip()
    return found


def _skip_reasoning(text: str, mark: re.Match[str], found: Scan) -> int:
    """The place behind a reasoning block. A closing tag alone ends reasoning that began with the text itself."""
    if mark["close"]:
        found.candidates.clear()
        found.broken_at = -1
        return mark.end()
    end = re.compile(rf"</{mark['name']}\s*>", re.IGNORECASE).search(text, mark.end())
    return end.end() if end else len(text)


def _is_labelled(text: str, before: int, start: int) -> bool:
    """By the last lines before a value: the label that stands nearest to it decides."""
    words = text[max(before, start - LABEL_REACH) : start]
    labels = [each.start() for each in _LABEL.finditer(words)]
    finals = [each.start() for each in _FINAL.finditer(words)]
    return bool(labels) and (not finals or labels[-1] > finals[-1])


def choose_unlabelled(candidates: list[Candidate]) -> Iterator[Candidate]:
    """Without examples and drafts where anything else is there; a single labelled value is the answer after all."""
    plain = [each for each in candidates if not each.labelled]
    yield from plain or candidates
