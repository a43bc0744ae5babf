"""Batch jobs: how a batch is to run, what it may cost, and its counters.

Only `batches.engine` changes the counters and the money of a job, in the transaction that moves the item or the log row.
"""

from typing import Any, ClassVar, Self
from uuid import uuid4

from django.contrib.postgres.functions import RandomUUID
from django.db import models, transaction
from django.db.models import F, Q

from batches.models.money import MONEY
from batches.models.states import (
    ACTIVE,
    ErrorHandling,
    JobKind,
    JobStatus,
    Mode,
    Priority,
    Reason,
)
from templates_app.states import Tier
from workspaces.audit import record
from workspaces.models import LONGEST_KEY, ClockTimestamp, OwnedModel, WorkspaceQuerySet
from workspaces.states import Action, TargetKind

LONGEST_NAME = 200
ACTIONS = {
    JobStatus.PAUSED: Action.PAUSE,
    JobStatus.FAILED: Action.STOP,
    JobStatus.COMPLETED: Action.COMPLETE,
}


class BatchJobQuerySet(WorkspaceQuerySet):
    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def listed(self) -> Self:
        """The jobs that lists show: batches, but no single generations, which are shown as items."""
        return self.filter(kind=JobKind.BATCH)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    @transaction.atomic
    def stop(self, *, status: JobStatus, reason: Reason, note: str = "", **fields: Any) -> int:
        """Pause or fail these jobs for the engine, each with its entry in the audit log. Returns how many.

        `note`: what the provider said. `fields`: further columns.
        """
        found = list(self.select_for_update(no_key=True, of=("self",)).order_by("pk"))
        stopped = {"status": status, "reason": reason, "reason_note": note, "stopped_at": ClockTimestamp()}
        for job in found:
            earlier, job.status, job.reason = job.status, status, reason
            BatchJob.objects.filter(pk=job.pk).update(**stopped, **fields)
            job.record_move(earlier=earlier)
        return len(found)


class OutcomeFields(models.Model):
    """What a completed batch took in time and tokens. What it cost is `spent`.

    Written when the batch is completed, and again when it completes after a retry or when a late reply arrives.
    """

    actual_seconds = models.FloatField(
        null=True, blank=True, editable=False, help_text="From its start to its end, without its pauses."
    )
    actual_input_tokens = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="Of all its calls, cached or not."
    )
    actual_output_tokens = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class BatchJob(OutcomeFields, OwnedModel):
    name = models.CharField(max_length=LONGEST_NAME)
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
    idempotency_key = models.CharField(max_length=LONGEST_KEY, null=True, blank=True)
    estimate = models.JSONField(default=dict, blank=True, help_text="What was shown before the start.")
    recipe = models.JSONField(default=dict, blank=True, help_text="What a draft's plan was made from.")
    run_id = models.UUIDField(
        default=uuid4,
        db_default=RandomUUID(),
        editable=False,
        help_text="Its run: another one with each resume and retry. Its calls carry it.",
    )
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

    # A batch of judgements has a rubric. A batch that makes conversations may say that the judge follows it.
    rubric = models.ForeignKey(
        "conversations.Rubric",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The rubric that its items judge by; empty: it makes conversations.",
    )
    judge_budget_usd = models.DecimalField(
        **MONEY,
        null=True,
        blank=True,
        help_text="What the judge of its conversations may spend afterwards; empty: no judge.",
    )
    follows = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="judged_by",
        help_text="The batch whose conversations it judges, if it was started with that batch.",
    )

    # Counters of items. `successful_items`: the completed ones whose conversation needs no revision.
    total_items = models.PositiveIntegerField(default=0)
    completed_items = models.PositiveIntegerField(default=0)
    failed_items = models.PositiveIntegerField(default=0)
    successful_items = models.PositiveIntegerField(default=0)
    in_flight = models.PositiveIntegerField(default=0)

    # The refusals since the last reply or another kind of refusal, and their kind: at a number of them the job is paused.
    refusals = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Of one kind in a row, since the last reply."
    )
    refusal_name = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Their status and error type."
    )

    simulated = models.BooleanField(default=False, help_text="One of its replies came from the simulator.")
    budget_usd = models.DecimalField(**MONEY)
    worst_item_usd = models.DecimalField(
        **MONEY, default=0, help_text="The dearest reservation of one of its items."
    )
    spent = models.DecimalField(**MONEY, default=0)
    reserved = models.DecimalField(**MONEY, default=0)

    # When an item of it was last claimed: the job that has waited longest is served first.
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
            models.CheckConstraint(condition=Q(tier__in=["", *Tier.values]), name="job_tier"),
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
                fields=["status"], name="job_judge_follows", condition=Q(judge_budget_usd__isnull=False)
            ),
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

    def record_move(self, *, earlier: str) -> None:
        """Tell the audit log that the engine has completed, paused or stopped this job, which had the status `earlier`."""
        why = {"reason": Reason(self.reason).label} if self.reason else {}
        record(
            action=ACTIONS[JobStatus(self.status)],
            kind=TargetKind.BATCH,
            target=self,
            by=None,
            before={"status": earlier},
            after={"status": self.status, **why},
        )

    @property
    def ended_items(self) -> int:
        return self.completed_items + self.failed_items
