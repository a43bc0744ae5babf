"""Which shared beginnings of a job's prompts the provider's cache holds now."""

from django.db import models

from batches.models.limits import LONG_AGO
from workspaces.models import TimestampedModel


class CachedPrefix(TimestampedModel):
    """Of one job and template version. Moved only by `batches.engine.prompt_cache`; made by the first call that needs it.

    Cold is a row, or none, whose `warm_until` has passed. While the log row `warming` is pending, its call is the one that
    writes the cache.
    """

    job = models.ForeignKey("batches.BatchJob", on_delete=models.CASCADE, related_name="+", db_index=False)
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    warm_until = models.DateTimeField(db_default=LONG_AGO)
    warming = models.UUIDField(null=True, help_text="The log row of the call that warms it.")

    class Meta:
        db_table = "warm_prefixes"
        constraints = [
            models.UniqueConstraint(fields=["job", "template_version"], name="warm_prefix_once"),
        ]

    def __str__(self) -> str:
        return f"warm until {self.warm_until}"
