"""The token counts of a template version's prompts for one model, as the provider counts them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from workspaces.models import OwnedModel, WorkspaceQuerySet


class PromptSize(OwnedModel):
    """A line through the counts of a few sample prompts: tokens = `base` + `per_byte` x UTF-8 bytes of the prompt.

    The row is both the request for a count and its result: while `counted_at` is empty, it waits for a worker.
    """

    template_version = models.ForeignKey(
        "templates_app.TemplateVersion", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    model = models.CharField(max_length=100)
    simulated = models.BooleanField(help_text="Counted by the simulator: it says nothing about the real one.")
    samples = models.JSONField(help_text="Values and details of the prompts to count.")
    least_bytes = models.PositiveIntegerField(help_text="Of the samples.")
    most_bytes = models.PositiveIntegerField()
    base = models.FloatField(null=True)
    per_byte = models.FloatField(null=True)
    counted_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, help_text="Not asked before; empty: at once.")
    failures = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "prompt_sizes"
        constraints = [
            models.UniqueConstraint(
                fields=["template_version", "model", "simulated"], name="prompt_size_once"
            ),
            models.CheckConstraint(
                condition=Q(counted_at=None) | Q(base__isnull=False, per_byte__isnull=False),
                name="prompt_size_counted",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="prompt_size_due", condition=Q(counted_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.template_version_id} for {self.model}"
