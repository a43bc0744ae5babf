"""The repairs that the reconciler has made (`batches.engine.reconcile`), for people to look at."""

from typing import ClassVar

from django.db import models

from workspaces.models import OwnedModel, WorkspaceQuerySet


class Repair(OwnedModel):
    """One value that did not agree with the rows it is derived from, and what it was set to."""

    job = models.ForeignKey(
        "batches.BatchJob",
        null=True,
        on_delete=models.CASCADE,
        related_name="repairs",
        db_index=False,
        help_text="Empty: a month of the workspace.",
    )
    rule = models.CharField(max_length=4, help_text="Which of docs/execution.md section 8.")
    subject = models.CharField(max_length=200, help_text="The row and the column.")
    before = models.CharField(max_length=100)
    after = models.CharField(max_length=100)

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "repairs"

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}: {self.before} -> {self.after}"
