"""The judgement in a reply: a whole score with a quote for each dimension, or the reason why there is none."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from claude.errors import Unusable, make_storable
from claude.messages import Reply
from conversations.judging.quotes import find_quote
from conversations.models.judgements import HIGHEST_SCORE, LONGEST_REASON, LOWEST_SCORE
from conversations.parsing import TurnDraft
from conversations.parsing.candidates import choose_unlabelled
from conversations.parsing.reading import check_declined, check_whole, scan_whole
from conversations.parsing.shape import Flaw
from conversations.states import JudgedDimension

QUOTE_KEYS = ("quote", "evidence", "passage")
REASON_KEYS = ("reason", "rationale", "explanation", "why")
NAME_KEYS = ("dimension", "name", "criterion")
DEEPEST_WRAPPER = 3
_SCORE = re.compile(rf"\s*(\d{{1,2}})(?:\.0+)?\s*(?:/\s*{HIGHEST_SCORE})?\s*")


@dataclass(frozen=True, slots=True)
class ScoreDraft:
    """A dimension's score with its evidence: the passage as it stands in that turn, which counts from 1."""

    dimension: str
    score: int
    quote: str
    turn_number: int
    reason: str


@dataclass(frozen=True, slots=True)
class JudgementDraft:
    """A whole judgement: each dimension once, in the order of the rubric. `repairs`: what was done to read it."""

    scores: tuple[ScoreDraft, ...]
    repairs: tuple[str, ...] = field(default=(), compare=False)


def read_judgement(reply: Reply, turns: Sequence[TurnDraft]) -> JudgementDraft:
    """The judgement of these turns in a reply.

    Raises Declined when the model refused. Raises Unusable when it is cut off, cannot be read or is incomplete, and when
    a quote does not occur in the turns: such a judgement is invalid as a whole.
    """
    check_declined(reply)
    try:
        check_whole(reply)
        return _read_text(reply.text, turns)
    except Flaw as flaw:
        raise Unusable(str(flaw), kind=flaw.kind, request_id=reply.request_id, body=reply.body) from flaw


def _read_text(text: str, turns: Sequence[TurnDraft]) -> JudgementDraft:
    found = scan_whole(text)
    read: list[tuple[dict[str, Any], tuple[str, ...]]] = []
    for candidate in choose_unlabelled([each for each in found.candidates if _find_scores(each.value)]):
        if found.broken_at <= candidate.start:
            read += [(scores, candidate.repairs) for scores in _find_scores(candidate.value)]
    if not read:
        raise _refuse("no complete JSON object with the dimensions of the rubric was found in it")
    scores, repairs = read[-1]
    if any(other != scores for other, _ in read):
        raise _refuse("it holds different judgements, and nothing says which one counts")
    return JudgementDraft(
        tuple(_build_score(name, scores.get(name), turns) for name in JudgedDimension.values), repairs
    )


def _refuse(reason: str) -> Flaw:
    return Flaw(f"The reply cannot be read as a judgement: {reason}.", kind="unreadable")


def _find_scores(value: Any, *, depth: int = 0) -> list[dict[str, Any]]:
    """Every object that holds at least one dimension, by dimension. A list of objects that name theirs is one, too."""
    if isinstance(value, list):
        value = {_name(each): each for each in value if isinstance(each, Mapping)}
    if not isinstance(value, Mapping) or depth > DEEPEST_WRAPPER:
        return []
    own = {_fold_name(key): each for key, each in value.items() if _fold_name(key) in JudgedDimension.values}
    if own:
        return [own]
    return [found for each in value.values() for found in _find_scores(each, depth=depth + 1)]


def _name(entry: Mapping[str, Any]) -> str:
    return next((str(entry[key]) for key in NAME_KEYS if key in entry), "")


def _fold_name(key: Any) -> str:
    return re.sub(r"[\s_-]+", "_", str(key).strip().lower())


def _build_score(name: str, value: Any, turns: Sequence[TurnDraft]) -> ScoreDraft:
    if not isinstance(value, Mapping):
        raise _refuse(f"{name} is missing, or has no score with a quote")
    quote = next(_find_texts(value, QUOTE_KEYS), "")
    if not quote.strip():
        raise Flaw(f"{name} has no quote as its evidence.", kind="failed_check")
    found = find_quote(quote, turns)
    if found is None:
        shown = make_storable(" ".join(quote.split()), limit=120)
        raise Flaw(
            f"The quote of {name} does not occur in the conversation: {shown!r}. The judgement is invalid.",
            kind="failed_check",
        )
    reason = make_storable(next(_find_texts(value, REASON_KEYS), "").strip(), limit=LONGEST_REASON)
    return ScoreDraft(name, _read_score(name, value.get("score")), found.text, found.turn_number, reason)


def _find_texts(value: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    return (value[key] for key in keys if isinstance(value.get(key), str))


def _read_score(name: str, value: Any) -> int:
    """A whole number in bounds; 8, 8.0, "8" and "8/10" are the same."""
    text = "" if isinstance(value, bool) else str(value)
    found = _SCORE.fullmatch(text)
    score = int(found[1]) if found else -1
    if not LOWEST_SCORE <= score <= HIGHEST_SCORE:
        shown = make_storable(text, limit=20)
        raise Flaw(
            f"The score of {name} is {shown!r} instead of a whole number from {LOWEST_SCORE} to {HIGHEST_SCORE}.",
            kind="failed_check",
        )
    return score
