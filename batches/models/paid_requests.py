"""Requests that cost money. Each is carried out once, however often it is sent."""

from typing import ClassVar

from django.db import models

from batches.models.jobs import LONGEST_KEY
from workspaces.models import OwnedModel, User, WorkspaceQuerySet


class PaidRequestQuerySet(WorkspaceQuerySet):
    def items_of(self, by: User | None, key: str | None) -> int | None:
        """How many items this person's request with this key has moved; None when it was not carried out."""
        rows = self.filter(created_by=by, key=key) if by and key else self.none()
        found: int | None = rows.values_list("items", flat=True).first()
        return found


class PaidRequest(OwnedModel):
    """A retry that was carried out. (A start is recognized by the idempotency key of its job.)"""

    job = models.ForeignKey(
        "batches.BatchJob", on_delete=models.CASCADE, related_name="paid_requests", db_index=False
    )
    key = models.CharField(max_length=LONGEST_KEY, help_text="The Idempotency-Key that it came with.")
    items = models.PositiveIntegerField(default=0, help_text="How many items went back into the queue.")

    objects: ClassVar[PaidRequestQuerySet] = PaidRequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "paid_requests"
        constraints = [models.UniqueConstraint(fields=["created_by", "key"], name="paid_request_once")]

    def __str__(self) -> str:
        return f"{self.key}, {self.items} items"
