"""The batch or the item that an address names, for the person who asks: 404 and 403 are decided by the QuerySet."""

from uuid import UUID

from django.http import HttpRequest

from batches.models import BatchItem, BatchJob

JOB_RELATED = ("created_by",)
ITEM_RELATED = ("job", "conversation", "template_version__template")


def find_visible_job(request: HttpRequest, job_id: UUID) -> BatchJob:
    found: BatchJob = BatchJob.objects.select_related(*JOB_RELATED).get_visible_or_404(request.user, job_id)
    return found


def find_editable_job(request: HttpRequest, job_id: UUID) -> BatchJob:
    found: BatchJob = BatchJob.objects.select_related(*JOB_RELATED).get_editable_or_403(request.user, job_id)
    return found


def find_visible_item(request: HttpRequest, item_id: UUID) -> BatchItem:
    rows = BatchItem.objects.select_related(*ITEM_RELATED)
    found: BatchItem = rows.get_visible_or_404(request.user, item_id)
    return found


def find_editable_item(request: HttpRequest, item_id: UUID) -> BatchItem:
    rows = BatchItem.objects.select_related(*ITEM_RELATED)
    found: BatchItem = rows.get_editable_or_403(request.user, item_id)
    return found
