"""The stop of all calls: while a row is open, no call to the provider begins, in the whole installation."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from workspaces.models import TimestampedModel

# In SQL: whether calls may begin. Two rows that are open at once do no harm: allowing closes all.
CALLS_ALLOWED = "NOT EXISTS (SELECT 1 FROM call_stops WHERE allowed_at IS NULL)"


class CallStop(TimestampedModel):
    """Somebody stopped all calls (`created_at`), and somebody allowed them again (`allowed_at`; empty: not yet)."""

    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        editable=False,
        help_text="Empty: from the terminal.",
    )
    reason = models.CharField(max_length=200, blank=True, help_text="For those who wonder why nothing moves.")
    allowed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "call_stops"
        indexes = [models.Index(fields=["created_at"], name="call_stop_open", condition=Q(allowed_at=None))]

    def __str__(self) -> str:
        return "allowed again" if self.allowed_at else "all calls are stopped"

    @classmethod
    def find_open(cls) -> "CallStop | None":
        """The stop that is in force."""
        return cls.objects.filter(allowed_at=None).order_by("created_at").first()
