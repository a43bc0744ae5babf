"""The judgement on the page of the queue: each dimension with its quote, this person's answer, and how far people agree."""

from dataclasses import dataclass
from typing import Any

from conversations.judging.listing import list_judgements_of
from conversations.models import Conversation, DimensionScore, Judgement
from review.agreement import Agreement, find_agreement
from review.models import Answer
from workspaces.models import User


@dataclass(frozen=True, kw_only=True)
class JudgedRow:
    """A dimension: the judge's score, this person's newest answer (None before it), and the agreement of all people.

    `current`: the first dimension without an answer, which the keys are for.
    """

    score: DimensionScore
    answer: int | None
    agreement: Agreement
    current: bool


def build_judgement(found: Conversation, person: User) -> dict[str, Any]:
    """The newest judgement of this version with its rows; nothing where the judge was not asked. One query then, else four."""
    newest = next(iter(list_judgements_of(found, most=1)), None)
    return {"judgement": newest, "judged_rows": build_rows(newest, person) if newest else []}


def build_rows(judgement: Judgement, person: User) -> list[JudgedRow]:
    scores, agreement = list(judgement.scores.all()), find_agreement(judgement)
    rows = Answer.objects.filter(score__in=scores, user=person).order_by("created_at", "id")
    answers = dict(rows.values_list("score", "value"))
    waiting = next((each.pk for each in scores if each.pk not in answers), None)
    return [
        JudgedRow(
            score=each,
            answer=answers.get(each.pk),
            agreement=agreement[each.dimension],
            current=each.pk == waiting,
        )
        for each in scores
    ]
