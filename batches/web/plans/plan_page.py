"""What the page of a plan shows. It reads the rows and puts them into words; it decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Min

from batches.models import BatchItem, BatchJob
from batches.models.items import BatchItemQuerySet
from batches.models.states import ItemStatus
from batches.planning.coverage import read_matrix
from conversations.states import Status

PER_PAGE = 50
AXES = ("persona", "emotion")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """`same`: a conversation with the same prompt; `alike`: one with the same topic, persona and emotion."""

    same: UUID | None = None
    alike: UUID | None = None
    first: int | None = None  # an earlier item of this plan with the same prompt


def mark_repeats(job: BatchJob, items: Sequence[BatchItem]) -> list[tuple[BatchItem, Mark]]:
    """Each item with what it repeats. This takes three queries, however many items there are."""
    same = _find_conversations(job, "prompt_hash", [item.prompt_hash for item in items])
    alike = _find_conversations(job, "subject_hash", [item.subject_hash for item in items])
    first = _find_first_places(job, [item.prompt_hash for item in items])
    return [
        (
            item,
            Mark(
                same=same.get(item.prompt_hash),
                alike=alike.get(item.subject_hash),
                first=place
                if (place := first.get(item.prompt_hash, item.position)) < item.position
                else None,
            ),
        )
        for item in items
    ]


def _find_conversations(job: BatchJob, column: str, hashes: Sequence[UUID]) -> dict[UUID, UUID]:
    return dict(find_earlier_items(job, column, hashes).values_list(column, "conversation__pk"))


def find_earlier_items(job: BatchJob, column: str, hashes: Sequence[UUID]) -> BatchItemQuerySet:
    """For each of these hashes, the item of the newest conversation of this workspace."""
    rows = BatchItem.objects.filter(
        workspace_id=job.workspace_id, status=ItemStatus.COMPLETED, **{f"{column}__in": set(hashes)}
    )
    made = rows.exclude(conversation__status=Status.ARCHIVED).exclude(conversation=None)
    return made.order_by(column, "-ended_at").distinct(column)


def _find_first_places(job: BatchJob, hashes: Sequence[UUID]) -> dict[UUID, int]:
    rows = BatchItem.objects.filter(job=job, prompt_hash__in=set(hashes)).order_by().values("prompt_hash")
    return {row["prompt_hash"]: row["first"] for row in rows.annotate(first=Min("position"))}


def count_repeats(job: BatchJob) -> int:
    """How many items have the same prompt as an earlier one of the plan."""
    found = BatchItem.objects.filter(job=job).aggregate(
        all=Count("pk"), different=Count("prompt_hash", distinct=True)
    )
    return int(found["all"] - found["different"])


def count_by_tier(job: BatchJob) -> list[dict[str, Any]]:
    rows = BatchItem.objects.filter(job=job).order_by("tier").values("tier")
    return [dict(row) for row in rows.annotate(n=Count("pk"))]


# --- coverage -----------------------------------------------------------------------------------------------


def list_grids(job: BatchJob) -> dict[str, tuple[str, str]]:
    """The grids in which this plan can be seen: a key, and the words of its rows and columns."""
    pairs = [AXES, ("tier", "topic")]
    matrix = read_matrix(job)
    names = [axis.name for axis in matrix.axes] if matrix else []
    pairs += [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    return {f"{one}-{other}": (one, other) for one, other in dict.fromkeys(pairs)}


def choose_grid(job: BatchJob) -> str:
    """The grid that is shown first. A matrix without persona and emotion is seen by its first two axes."""
    choices = list(list_grids(job))
    matrix = read_matrix(job)
    if matrix and len(matrix.axes) > 1 and not set(AXES) <= {axis.name for axis in matrix.axes}:
        return f"{matrix.axes[0].name}-{matrix.axes[1].name}"
    return choices[0]


# --- what was tried -----------------------------------------------------------------------------------------


def list_trials(job: BatchJob) -> list[BatchJob]:
    return list(job.trials.order_by("-created_at")[:10])


def build_problem_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The problems that kept the plan from being priced, each with the page on which its item stands."""
    return [
        {"row": row, "column": column, "message": message, "page": (row - 1) // PER_PAGE + 1 if row else None}
        for row, column, message in found.get("problems", [])
    ]
