"""The judgements of a version, with their scores in the order of the rubric."""

from django.db.models import Case, IntegerField, Prefetch, Value, When

from conversations.models import Conversation, DimensionScore, Judgement
from conversations.states import JudgedDimension

MOST_SHOWN = 20
RANK = Case(
    *(When(dimension=name, then=Value(rank)) for rank, name in enumerate(JudgedDimension.values)),
    output_field=IntegerField(),
)


def list_judgements_of(conversation: Conversation, *, most: int = MOST_SHOWN) -> list[Judgement]:
    """The newest judgements of this version with their rubric and scores. One query where there are none, else two."""
    scores = Prefetch("scores", DimensionScore.objects.order_by(RANK))
    rows = Judgement.objects.filter(conversation=conversation).select_related("rubric")
    return list(rows.newest_first().prefetch_related(scores)[:most])
