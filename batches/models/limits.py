"""The limiter's rows: the rate limits of each pool, and what the provider's refusals mean for the pool."""

from datetime import UTC, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from batches.models.states import Dimension
from workspaces.models import TimestampedModel

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MOST_PER_MINUTE = 100_000_000


class RateLimit(TimestampedModel):
    """One dimension of one pool: a GCRA token bucket (docs/execution.md section 3). Only `batches.limits` changes it.

    `batches.limits.token_buckets.Shape` explains `burst`, `interval_s`, `slack`, `interactive_slack` and `reserve`.
    """

    pool = models.CharField(max_length=100)
    dimension = models.CharField(max_length=15, choices=Dimension.choices)
    per_minute = models.PositiveIntegerField(
        help_text="In force: the setting, or less where the provider says so."
    )
    configured = models.PositiveIntegerField(help_text="The setting.")
    # The provider's own limit, from the headers of its last answer; empty: it has not said. The column keeps its first name.
    told = models.PositiveIntegerField(
        null=True, blank=True, help_text="What the provider's last answer said."
    )
    burst = models.FloatField()
    interval_s = models.FloatField(help_text="Seconds that one request or token takes in the long run.")
    slack = models.FloatField(db_default=0)
    interactive_slack = models.FloatField(db_default=0)
    reserve = models.FloatField(db_default=0, help_text="Of the burst, kept for a single generation.")
    typical = models.FloatField(db_default=1, help_text="What a call takes of late.")
    # The theoretical arrival time of GCRA: when everything taken so far will have been paid for. It starts long ago and not
    # at '-infinity', which Python's datetime cannot hold.
    tat = models.DateTimeField(db_default=LONG_AGO, help_text="Theoretical arrival time of the next permit.")
    # No permit before this moment: the provider has asked all callers to wait.
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
    """What refusals mean for one pool: its circuit breaker, its slowing down, and how long every call has been refused.

    Locked after the pool's rate limits, always (`batches.limits.circuit_breaker`).
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
    # The first refusal since the last reply; empty while replies come. After an hour the pool's jobs are stopped.
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="The first refusal since the last reply, 429, 503 or 529."
    )

    class Meta:
        db_table = "provider_pools"

    def __str__(self) -> str:
        return self.pool
