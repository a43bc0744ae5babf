"""The generation log: one row for each attempt to reach Claude, with what it cost."""

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from batches.models.items import BatchItem
from batches.models.jobs import BatchJob
from batches.models.money import MONEY
from batches.models.states import (
    LogState,
)
from batches.models.workers import Worker
from templates_app.states import Tier
from workspaces.models import OwnedModel, WorkspaceQuerySet


class GenerationLogQuerySet(WorkspaceQuerySet):
    def made_between(self, since: datetime | None, until: datetime | None) -> Self:
        found = self.filter(created_at__gte=since) if since else self
        return found.filter(created_at__lt=until) if until else found

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class GenerationLog(OwnedModel):
    """One attempt to reach Claude, stored before the call and completed after it.

    People cannot change it. It outlives its item and its conversation, so that deleting text deletes no record of money.
    """

    job = models.ForeignKey(BatchJob, on_delete=models.PROTECT, related_name="logs")
    item = models.ForeignKey(BatchItem, null=True, on_delete=models.SET_NULL, related_name="logs")
    conversation = models.ForeignKey(
        "conversations.Conversation", null=True, on_delete=models.SET_NULL, related_name="logs"
    )
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Empty for the call of a judgement.",
    )
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    tier = models.CharField(
        max_length=10, choices=Tier.choices, db_default="", help_text="Its item's: history is read by it."
    )
    run_id = models.UUIDField(null=True, help_text="The run of the job in which it was made.")
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=LogState.choices, default=LogState.PENDING)

    pool = models.CharField(max_length=100)
    model = models.CharField(max_length=100)
    max_tokens = models.PositiveIntegerField()
    reservation_usd = models.DecimalField(**MONEY)
    cost_usd = models.DecimalField(**MONEY, default=0)
    price_version = models.CharField(max_length=30)
    # What was taken from the pool's rate limits at the claim; the reply's usage corrects the limits by the difference.
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
    payloads_removed_at = models.DateTimeField(
        null=True,
        help_text="When request, reply and values were removed: LORAPIPE_PAYLOAD_DAYS, or its workspace was deleted.",
    )
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_write_1h_tokens = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Those of them that are kept for an hour."
    )
    cache_read_tokens = models.PositiveIntegerField(default=0)
    estimated = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The server reported no tokens: counted by us, rather too high.",
    )
    cache_saved_usd = models.DecimalField(
        **MONEY, default=0, db_default=0, help_text="Less than 0 where it wrote more than it read."
    )
    duration_ms = models.PositiveIntegerField(null=True)
    provider_request_id = models.CharField(max_length=100, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    reading_notes = models.TextField(
        blank=True,
        db_default="",
        help_text="What was done to read the reply, where it was not plain JSON; one note on each line.",
    )
    error_kind = models.CharField(max_length=30, blank=True)
    error_message = models.TextField(blank=True)

    objects: ClassVar[GenerationLogQuerySet] = GenerationLogQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "generation_logs"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LogState.values), name="log_state"),
            models.CheckConstraint(condition=Q(tier__in=["", *Tier.values]), name="log_tier"),
            models.CheckConstraint(condition=Q(cost_usd__gte=0, reservation_usd__gte=0), name="log_money"),
        ]
        indexes = [
            # Which days have to be added up anew: analytics/rolling.py.
            BrinIndex(fields=["updated_at"], name="log_changed", autosummarize=True),
            models.Index(fields=["deadline"], name="log_pending", condition=Q(state="pending")),
            # The oldest rows that still have their payloads: batches/actions/payloads.py.
            models.Index(
                fields=["created_at"], name="log_payloads", condition=Q(payloads_removed_at__isnull=True)
            ),
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="log_newest"),
            # What calls of one kind took, newest first: batches/planning/estimate/history.py.
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
