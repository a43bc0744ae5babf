"""The limiter's rows: the buckets of each pool of the provider, and how the provider fares there."""

from datetime import UTC, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from batches.models.states import Dimension
from workspaces.models import TimestampedModel

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MOST_PER_MINUTE = 100_000_000


class RateLimit(TimestampedModel):
    """One dimension of one pool of the provider: a GCRA bucket in one timestamp (docs/execution.md section 3)."""

    pool = models.CharField(max_length=100)
    dimension = models.CharField(max_length=15, choices=Dimension.choices)
    per_minute = models.PositiveIntegerField(
        help_text="In force: the setting, or less where the provider says so."
    )
    configured = models.PositiveIntegerField(help_text="The setting.")
    told = models.PositiveIntegerField(
        null=True, blank=True, help_text="What the provider's last answer said."
    )
    burst = models.FloatField()
    interval_s = models.FloatField(help_text="Seconds that one request or token takes in the long run.")
    slack = models.FloatField(db_default=0)
    interactive_slack = models.FloatField(db_default=0)
    reserve = models.FloatField(db_default=0, help_text="Of the burst, kept for a single generation.")
    typical = models.FloatField(db_default=1, help_text="What a call takes of late.")
    # Long ago rather than '-infinity', which Python's datetime cannot hold.
    tat = models.DateTimeField(db_default=LONG_AGO, help_text="Theoretical arrival time of the next permit.")
    blocked_until = models.DateTimeField(db_default=LONG_AGO)
    borrowed_until = models.DateTimeField(
        db_default=LONG_AGO, help_text="The turn of the single generation that left before it."
    )

    class Meta:
        db_table = "rate_limits"
        constraints = [
            models.UniqueConstraint(fields=["pool", "dimension"], name="rate_limit_once"),
            models.CheckConstraint(
                condition=Q(per_minute__range=(1, MOST_PER_MINUTE)), name="rate_limit_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pool} {self.dimension}"


class ProviderPool(TimestampedModel):
    """How the provider fares in one pool: the breaker, the ramp, and since when nothing but refusals came.

    Written after the pool's rate limits: they are locked first.
    """

    pool = models.CharField(max_length=100, unique=True)
    overloads = ArrayField(
        models.DateTimeField(),
        db_default=[],
        default=list,
        help_text="The last 529 and 503 while it is closed.",
    )
    opened_for_s = models.FloatField(db_default=0, help_text="0: the breaker is closed.")
    opened_until = models.DateTimeField(db_default=LONG_AGO, help_text="From then on one call may try.")
    probe_id = models.UUIDField(null=True, blank=True, help_text="The log row of the call that tries.")
    slowed_to = models.FloatField(
        db_default=1, help_text="The share of the limits right after the slowing down."
    )
    slowed_at = models.DateTimeField(db_default=LONG_AGO)
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="The first refusal since the last reply, 429, 503 or 529."
    )

    class Meta:
        db_table = "provider_pools"

    def __str__(self) -> str:
        return self.pool
