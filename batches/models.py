"""Jobs, their items, one log row per attempt to reach Claude, and the workers' register.

Counters and money of a job are moved only by `batches.engine`, in the transaction that moves the item.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q

from batches.limit_rows import ProviderPool, RateLimit
from batches.month_rows import SpendingMonth
from batches.notice_rows import DeliveryState, Notice, Webhook
from batches.outcome_rows import OutcomeFields
from batches.repair_rows import Repair
from batches.request_rows import PaidRequest
from batches.states import (
    ACTIVE,
    ErrorHandling,
    ItemKind,
    ItemStatus,
    JobKind,
    JobStatus,
    LogState,
    Mode,
    Priority,
    Reason,
)
from batches.warm_rows import WarmPrefix
from templates_app.states import Tier
from workspaces.models import ClockTimestamp, OwnedModel, TimestampedModel, WorkspaceQuerySet

__all__ = [
    "BatchItem",
    "BatchJob",
    "DeliveryState",
    "GenerationLog",
    "Notice",
    "PaidRequest",
    "ProviderPool",
    "RateLimit",
    "Repair",
    "SpendingMonth",
    "WarmPrefix",
    "Webhook",
    "Worker",
]

# The database makes them, whoever writes the row; `jsonb` as text has one form for equal values.
SAME_PROMPT = Func(
    template="md5(template_version_id::text || parameters::text || details::text || topic)::uuid",
    output_field=models.UUIDField(),
)
SAME_SUBJECT = Func(
    template="md5(topic || chr(31) || coalesce(parameters->>'persona', '') || chr(31) || coalesce(parameters->>'emotion', ''))::uuid",
    output_field=models.UUIDField(),
)
MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 9}


class BatchJobQuerySet(WorkspaceQuerySet):
    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def listed(self) -> Self:
        """Batches proper: a single generation is looked at as its item."""
        return self.filter(kind=JobKind.BATCH)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class BatchJob(OutcomeFields, OwnedModel):
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=6, choices=JobKind.choices, default=JobKind.BATCH)
    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.DRAFT)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    reason_note = models.TextField(blank=True, help_text="What the provider said, in words.")
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    mode = models.CharField(max_length=7, choices=Mode.choices, default=Mode.LIVE)
    error_handling = models.CharField(
        max_length=8, choices=ErrorHandling.choices, default=ErrorHandling.CONTINUE
    )
    tier = models.CharField(max_length=10, choices=Tier.choices, blank=True, help_text="Empty: all tiers.")
    model = models.CharField(max_length=100)
    max_tokens = models.PositiveIntegerField()
    seed = models.BigIntegerField(null=True, blank=True)
    shared_parameters = models.JSONField(default=dict, blank=True)
    concurrent_processing = models.PositiveIntegerField()
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    estimate = models.JSONField(default=dict, blank=True, help_text="What was shown before the start.")
    recipe = models.JSONField(default=dict, blank=True, help_text="What a draft's plan was made from.")
    plan_revision = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Moves with every change of a draft's plan."
    )
    trial_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="trials",
        db_index=False,
        help_text="The draft whose first items this batch tries.",
    )

    total_items = models.PositiveIntegerField(default=0)
    completed_items = models.PositiveIntegerField(default=0)
    failed_items = models.PositiveIntegerField(default=0)
    successful_items = models.PositiveIntegerField(default=0)
    in_flight = models.PositiveIntegerField(default=0)

    simulated = models.BooleanField(default=False, help_text="One of its replies came from the simulator.")
    budget_usd = models.DecimalField(**MONEY)
    worst_item_usd = models.DecimalField(
        **MONEY, default=0, help_text="The dearest reservation of one of its items."
    )
    spent = models.DecimalField(**MONEY, default=0)
    reserved = models.DecimalField(**MONEY, default=0)

    last_served_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was paused, failed or cancelled."
    )
    paused_seconds = models.FloatField(default=0, help_text="Time that it stood still, for the elapsed time.")
    completed_at = models.DateTimeField(null=True, blank=True)
    noticed = models.CharField(
        max_length=10, blank=True, db_default="", help_text="The status that people were told of last."
    )

    objects: ClassVar[BatchJobQuerySet] = BatchJobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "batch_jobs"
        constraints = [
            models.UniqueConstraint(fields=["created_by", "idempotency_key"], name="job_idempotency_key"),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status"),
            models.CheckConstraint(condition=Q(kind__in=JobKind.values), name="job_kind"),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="job_mode"),
            models.CheckConstraint(
                condition=Q(error_handling__in=ErrorHandling.values), name="job_error_handling"
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="job_priority"),
            models.CheckConstraint(
                condition=Q(concurrent_processing__range=(1, 1000)), name="job_concurrency"
            ),
            models.CheckConstraint(
                condition=Q(completed_items__lte=F("total_items") - F("failed_items")),
                name="job_ended_within_total",
            ),
            models.CheckConstraint(
                condition=Q(successful_items__lte=F("completed_items")),
                name="job_successful_within_completed",
            ),
            models.CheckConstraint(
                condition=Q(budget_usd__gte=0, spent__gte=0, reserved__gte=0), name="job_money"
            ),
        ]
        indexes = [
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="job_newest"),
            models.Index(
                fields=["priority", "created_at"],
                name="job_active",
                condition=Q(status__in=["queued", "processing", "paused"]),
            ),
            models.Index(fields=["trial_of"], name="job_trials", condition=Q(trial_of__isnull=False)),
            models.Index(
                "workspace",
                F("completed_at").desc(),
                name="job_judged",
                condition=Q(status="completed", actual_seconds__isnull=False),
            ),
            models.Index(
                fields=["status"],
                name="job_unnoticed",
                condition=Q(status__in=["completed", "failed", "paused"]) & ~Q(noticed=F("status")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ended_items(self) -> int:
        return self.completed_items + self.failed_items


class Worker(TimestampedModel):
    """A worker process. An item's lease is its worker's heartbeat."""

    kind = models.CharField(max_length=20)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    queues = ArrayField(models.CharField(max_length=30))
    slots = models.PositiveIntegerField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "workers"

    def __str__(self) -> str:
        return f"{self.kind} {self.pid}@{self.host}"

    @classmethod
    def live(cls) -> "models.QuerySet[Worker]":
        """Workers that have not stopped and whose heartbeat is not stale."""
        since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_STALE_S)
        return cls.objects.filter(stopped_at=None, heartbeat_at__gt=since)


class BatchItem(OwnedModel):
    job = models.ForeignKey(BatchJob, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ItemKind.choices, default=ItemKind.GENERATE)
    conversation_id = models.CharField(
        max_length=120, blank=True, help_text="The human id, given at the start; a draft's items have none."
    )
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    topic = models.CharField(max_length=500, blank=True)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    category = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    parameters = models.JSONField(default=dict)
    details = models.JSONField(default=dict, blank=True, help_text="Name to text: lines below the prompt.")
    prompt_hash = models.GeneratedField(
        expression=SAME_PROMPT, output_field=models.UUIDField(), db_persist=True, help_text="Equal prompts."
    )
    subject_hash = models.GeneratedField(
        expression=SAME_SUBJECT,
        output_field=models.UUIDField(),
        db_persist=True,
        help_text="Equal topic, persona and emotion.",
    )

    status = models.CharField(max_length=10, choices=ItemStatus.choices, default=ItemStatus.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    error_kind = models.CharField(max_length=30, blank=True)
    error_message = models.TextField(blank=True)

    attempt = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    run_after = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    retried_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a person has put it back into the queue: what was tried before is done with.",
    )
    token = models.UUIDField(null=True, blank=True)
    worker = models.ForeignKey(
        Worker, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    current_log = models.ForeignKey(
        "GenerationLog", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "batch_items"
        ordering = ["job", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "position"],
                name="item_position_once",
                deferrable=models.Deferrable.IMMEDIATE,  # one UPDATE may move many items past each other
            ),
            models.CheckConstraint(condition=Q(status__in=ItemStatus.values), name="item_status"),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="item_tier"),
            models.CheckConstraint(condition=Q(kind__in=ItemKind.values), name="item_kind"),
            models.CheckConstraint(condition=Q(position__gte=1), name="item_position"),
            models.CheckConstraint(condition=Q(progress__range=(0, 100)), name="item_progress"),
            models.CheckConstraint(
                condition=~Q(status="processing") | Q(token__isnull=False, current_log__isnull=False),
                name="item_processing_is_owned",
            ),
        ]
        indexes = [
            models.Index(
                fields=["job", "crashes", "position"], name="item_queued", condition=Q(status="queued")
            ),
            models.Index(
                fields=["job", "rung_at"],
                name="item_rung",
                condition=Q(status="queued", rung_at__isnull=False),
            ),
            models.Index(
                fields=["job", "claimed_at"], name="item_processing", condition=Q(status="processing")
            ),
            models.Index("job", F("ended_at").desc(), name="item_ended", condition=Q(ended_at__isnull=False)),
            *(
                models.Index(
                    fields=["workspace", f"{each}_hash"],
                    name=f"item_{each}",
                    condition=Q(status="completed"),
                )
                for each in ("prompt", "subject")
            ),
        ]

    def __str__(self) -> str:
        return self.conversation_id


class GenerationLogQuerySet(WorkspaceQuerySet):
    def made_between(self, since: datetime | None, until: datetime | None) -> Self:
        found = self.filter(created_at__gte=since) if since else self
        return found.filter(created_at__lt=until) if until else found

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class GenerationLog(OwnedModel):
    """One attempt to reach Claude. Append-only for people; deleting text never deletes money."""

    job = models.ForeignKey(BatchJob, on_delete=models.PROTECT, related_name="logs")
    item = models.ForeignKey(BatchItem, null=True, on_delete=models.SET_NULL, related_name="logs")
    conversation = models.ForeignKey(
        "conversations.Conversation", null=True, on_delete=models.SET_NULL, related_name="logs"
    )
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    tier = models.CharField(
        max_length=10, choices=Tier.choices, db_default="", help_text="Its item's: history is read by it."
    )
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=LogState.choices, default=LogState.PENDING)

    pool = models.CharField(max_length=100)
    model = models.CharField(max_length=100)
    max_tokens = models.PositiveIntegerField()
    reservation_usd = models.DecimalField(**MONEY)
    cost_usd = models.DecimalField(**MONEY, default=0)
    price_version = models.CharField(max_length=30)
    took_input_tokens = models.PositiveIntegerField(
        db_default=0, help_text="Of the pool's limit, as expected."
    )
    took_output_tokens = models.PositiveIntegerField(
        db_default=0, help_text="Of the pool's limit, as expected."
    )
    deadline = models.DateTimeField(help_text="No answer can come after it; 30 s later the row is reaped.")
    finished_at = models.DateTimeField(null=True)

    simulated = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict)
    request_payload = models.JSONField()
    response_payload = models.JSONField(null=True)
    response_body = models.BinaryField(null=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_write_1h_tokens = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Those of them that are kept for an hour."
    )
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_saved_usd = models.DecimalField(
        **MONEY, default=0, db_default=0, help_text="Less than 0 where it wrote more than it read."
    )
    duration_ms = models.PositiveIntegerField(null=True)
    provider_request_id = models.CharField(max_length=100, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    error_kind = models.CharField(max_length=30, blank=True)
    error_message = models.TextField(blank=True)

    objects: ClassVar[GenerationLogQuerySet] = GenerationLogQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "generation_logs"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LogState.values), name="log_state"),
            models.CheckConstraint(condition=Q(cost_usd__gte=0, reservation_usd__gte=0), name="log_money"),
        ]
        indexes = [
            models.Index(fields=["deadline"], name="log_pending", condition=Q(state="pending")),
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="log_newest"),
            # What calls of one kind took, newest first: batches/planning/history.py.
            models.Index(
                "template_version",
                "tier",
                "model",
                "simulated",
                F("created_at").desc(),
                name="log_history",
                condition=Q(output_tokens__gt=0) | Q(cost_usd__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.state}"
