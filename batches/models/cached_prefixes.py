"""The shared beginnings of a job's prompts that are in the provider's prompt cache."""

from django.db import models

from batches.models.limits import LONG_AGO
from workspaces.models import TimestampedModel


class CachedPrefix(TimestampedModel):
    """The cached beginning of one job and template version. Only `batches.engine.prompt_cache` changes it.

    The first call that needs it makes the row.
    """

    job = models.ForeignKey("batches.BatchJob", on_delete=models.CASCADE, related_name="+", db_index=False)
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # Until when the entry is expected to be readable. The version is called cold when this is in the past, or without a row.
    warm_until = models.DateTimeField(db_default=LONG_AGO)
    # While this log row is pending, its call is the one that writes the entry, and the others wait.
    warming = models.UUIDField(null=True, help_text="The log row of the call that warms it.")

    class Meta:
        db_table = "warm_prefixes"
        verbose_name_plural = "cached prefixes"
        constraints = [
            models.UniqueConstraint(fields=["job", "template_version"], name="warm_prefix_once"),
        ]

    def __str__(self) -> str:
        return f"warm until {self.warm_until}"
