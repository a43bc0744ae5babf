"""What each workspace has spent in each calendar month (UTC)."""

from django.db import models
from django.db.models import Q

from batches.models.money import MONEY
from workspaces.models import TimestampedModel


class SpendingMonth(TimestampedModel):
    """What a workspace has spent and reserved in a month, in USD. Only `batches.engine` changes it."""

    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    month = models.DateField(help_text="Its first day.")
    demo = models.BooleanField()
    spent = models.DecimalField(**MONEY, db_default=0)
    reserved = models.DecimalField(**MONEY, db_default=0)

    class Meta:
        db_table = "spending_months"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "month", "demo"], name="spending_month_once"),
            models.CheckConstraint(condition=Q(spent__gte=0, reserved__gte=0), name="spending_month_money"),
            models.CheckConstraint(condition=Q(month__day=1), name="spending_month_first_day"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%B %Y}"
