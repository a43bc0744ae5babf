"""How good and how varied the conversations of a batch are: structure scores, flags, and the diversity of a sample."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count
from django.db.models.functions import Floor

from batches.models import BatchJob
from conversations.models import Conversation, Turn
from conversations.parsing import TurnDraft
from conversations.quality import KINDS
from conversations.quality.diversity import Diversity, measure_diversity

SAMPLE = 100  # conversations whose texts are read; measuring them takes about a tenth of a second
HIGHEST = 10
# How many conversations of a batch have a flag of each kind; a flag of before flags had turns is a bare word.
FLAGS = """
SELECT coalesce(f->>'kind', f #>> '{}') AS kind, count(DISTINCT c.id)
  FROM conversations c CROSS JOIN LATERAL jsonb_array_elements(c.flags) f
 WHERE c.origin_job_id = %s AND c.is_head AND c.flag_count > 0
 GROUP BY kind ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many conversations have a score from `low` on, below the next whole number; the last one is 10 itself."""

    low: int
    count: int


@dataclass(frozen=True, slots=True)
class BatchQuality:
    """Of the newest versions. `flags`: label and number of conversations; `most`: the longest bar, to scale by."""

    bars: list[Bar]
    flags: list[tuple[str, int]]
    unflagged: int
    diversity: Diversity | None

    @property
    def count(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max((bar.count for bar in self.bars), default=0)


def measure_quality(job: BatchJob) -> BatchQuality:
    """Four queries; the texts of at most `SAMPLE` conversations, spread evenly over the batch, are read."""
    rows = Conversation.objects.of_job(job.pk).heads().filter(turn_count__gt=0)
    scored = rows.filter(quality_score__isnull=False).annotate(whole=Floor("quality_score"))
    scores: dict[Any, int] = dict(scored.order_by().values_list("whole").annotate(count=Count("pk")))
    bars = [Bar(low, scores.get(low, 0)) for low in range(HIGHEST, -1, -1)]
    return BatchQuality(
        bars=_cut_empty_end(bars),
        flags=_count_flags(job.pk),
        unflagged=rows.filter(flag_count=0).count(),
        diversity=_measure_sample(list(rows.order_by("created_at", "pk").values_list("pk", flat=True))),
    )


def _cut_empty_end(bars: list[Bar]) -> list[Bar]:
    """Without the lowest scores that none has."""
    last = max((at for at, bar in enumerate(bars) if bar.count), default=-1)
    return bars[: last + 1]


def _count_flags(job: UUID) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(FLAGS, [job])
        found = cursor.fetchall()
    return [(KINDS[kind].label if kind in KINDS else kind, count) for kind, count in found]


def _measure_sample(keys: list[UUID]) -> Diversity | None:
    """None for fewer than two: one conversation is no set."""
    if len(keys) < 2:
        return None
    sample = keys[:: -(-len(keys) // SAMPLE)]
    texts: dict[Any, list[TurnDraft]] = defaultdict(list)
    turns = Turn.objects.filter(conversation__in=sample).order_by("conversation", "turn_number")
    for key, role, content in turns.values_list("conversation", "role", "content"):
        texts[key].append(TurnDraft(role, content))
    return measure_diversity([texts[key] for key in sample])
