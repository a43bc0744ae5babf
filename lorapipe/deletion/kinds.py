"""The background job that removes the content of a deleted workspace, some rows at a time. To begin it anew does no harm."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps

from background.kinds import End, Kind
from background.models import BackgroundJob
from background.running import Released, RunningJob
from batches.actions.jobs import cancel
from batches.models import BatchJob, GenerationLog
from batches.models.states import ACTIVE, LogState
from exports.models import Export
from exports.running import storing
from lorapipe.deletion.actions import DELETE_CONTENT, DELETED_WORKSPACE
from lorapipe.deletion.contents import EMPTIED, REMOVED, Emptied, Removed
from workspaces.models import Workspace

AT_ONCE = 200  # rows, or chains of versions


def run(job: RunningJob) -> None:
    _end_batches(job)
    for export in Export.objects.filter(workspace=job.workspace):
        storing.remove_all_but(export)
        job.count_done(1)
    for each in EMPTIED:
        while _empty_some(job, each):
            pass
    for removed in REMOVED:
        while _remove_some(job, removed):
            pass
    with job.step() as step:
        Workspace.objects.filter(pk=job.workspace).update(name=DELETED_WORKSPACE)
        step.done = 1


def _end_batches(job: RunningJob) -> None:
    """A batch may have been started at the same moment. Its calls come to their end first, because what they cost is to be known."""
    for batch in BatchJob.objects.filter(workspace=job.workspace, status__in=ACTIVE):
        cancel(batch, by=None)
    if GenerationLog.objects.filter(workspace=job.workspace, state=LogState.PENDING).exists():
        raise Released


def _empty_some(job: RunningJob, each: Emptied) -> int:
    model = apps.get_model(each.model)
    rows = model._default_manager.filter(each.left, workspace=job.workspace)
    if model is BackgroundJob:
        rows = rows.exclude(pk=job.row.pk)
    with job.step() as step:
        keys = list(rows.values_list("pk", flat=True)[:AT_ONCE])
        step.done = model._default_manager.filter(pk__in=keys).update(**each.values)
    return step.done


def _remove_some(job: RunningJob, each: Removed) -> int:
    rows = apps.get_model(each.model)._default_manager
    mine = rows.filter(**{each.workspace: job.workspace})
    with job.step() as step:
        keys = list(mine.order_by(each.by).values_list(each.by, flat=True).distinct()[:AT_ONCE])
        if keys:
            rows.filter(**{f"{each.by}__in": keys}).delete()
        step.done = len(keys)
    return step.done


def describe(result: Mapping[str, Any], done: int) -> End:
    return End("Finished: the content is removed.", done)


KINDS = [Kind(DELETE_CONTENT, "Remove the content of a workspace", run, describe=describe, in_percent=True)]
