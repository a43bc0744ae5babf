"""A background job as JSON, and the query string of their list."""

from typing import Any

from rest_framework import serializers

from background.models import BackgroundJob
from background.states import JobState
from lib.wire import BY_CREATION, OrderingField, PageQuery, camelize, moment


class JobsQuery(PageQuery):
    """The query string of the list: `status` may be repeated."""

    several = ("status",)

    status = serializers.MultipleChoiceField(choices=JobState.choices, default=set)
    kind = serializers.CharField(max_length=40, default="")
    ordering = OrderingField(BY_CREATION)


def serialize_job(job: BackgroundJob) -> dict[str, Any]:
    """`result` has numbers and short words by their names; `total` is null while it is not known."""
    return {
        "id": job.pk,
        "kind": job.kind,
        "name": job.name,
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "percent": job.percent,
        "result": camelize(job.result),
        "error": job.error or None,
        "cancelAsked": job.cancel_asked_at is not None,
        "workspaceId": job.workspace_id,
        "createdBy": job.created_by and job.created_by.get_username(),
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at),
        "endedAt": moment(job.ended_at),
    }
