"""Whether the very plan that a person is about to start was started a short while ago, so that nobody pays twice unawares."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemKind, JobKind, JobStatus
from batches.planning.plan import PlannedItem
from workspaces.models import Workspace

WITHIN = timedelta(hours=1)
# How many of the newest starts of the same size are compared.
MOST_COMPARED = 20

Content = tuple[str, str, str, str]


def find_same_start(
    plan: Sequence[PlannedItem],
    *,
    workspace: Workspace,
    kind: JobKind = JobKind.BATCH,
    besides: BatchJob | None = None,
) -> BatchJob | None:
    """The newest job of the last hour with exactly these items, in any order; None if there is none but `besides`.

    A cancelled job does not count: who starts it again knows. Two queries, the second only when sizes agree.
    """
    if not plan:
        return None
    rows = BatchJob.objects.filter(workspace=workspace, kind=kind, total_items=len(plan))
    recent = rows.filter(created_at__gte=timezone.now() - WITHIN)
    recent = recent.exclude(status__in=[JobStatus.DRAFT, JobStatus.CANCELLED])
    recent = recent.exclude(pk=besides.pk) if besides else recent
    jobs = list(recent.newest_first()[:MOST_COMPARED])
    if not jobs:
        return None
    wanted = Counter(_content(item.version.pk, item.tier, item.parameters, item.details) for item in plan)
    found = _read_contents([job.pk for job in jobs])
    return next((job for job in jobs if found[job.pk] == wanted), None)


def _read_contents(jobs: Iterable[UUID]) -> Mapping[UUID, Counter[Content]]:
    found: dict[UUID, Counter[Content]] = {job: Counter() for job in jobs}
    columns = ("job_id", "template_version_id", "tier", "parameters", "details")
    # A regeneration or a judgement has the values of its conversation, and is no earlier start of them.
    rows = BatchItem.objects.filter(job__in=list(found), kind=ItemKind.GENERATE)
    for job, *item in rows.values_list(*columns).iterator():
        found[job][_content(*item)] += 1
    return found


def _content(version: UUID, tier: str, parameters: Mapping[str, Any], details: Mapping[str, Any]) -> Content:
    return str(version), str(tier), _as_text(parameters), _as_text(details)


def _as_text(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True, default=str)
