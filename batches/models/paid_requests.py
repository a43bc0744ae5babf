"""Requests that cost money. Each is carried out once, however often it is sent."""

from django.db import models

from batches.models.jobs import BatchJob
from workspaces.models import KeyedRequest


class PaidRequest(KeyedRequest):
    """A start, a copy or a retry that was carried out."""

    job = models.ForeignKey(BatchJob, on_delete=models.CASCADE, related_name="paid_requests", db_index=False)
    items = models.PositiveIntegerField(default=0, help_text="How many items went back into the queue.")

    class Meta:
        db_table = "paid_requests"
        constraints = [models.UniqueConstraint(fields=["created_by", "key"], name="paid_request_once")]
