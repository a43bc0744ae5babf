"""Rows by workspace and day (UTC). They are derived: `analytics.rolling` computes a whole day of a workspace anew when a row of it has changed."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from batches.models.money import MONEY
from templates_app.states import Tier
from workspaces.models import WorkspaceQuerySet


class Day(models.Model):
    """What is counted belongs to the day on which it was made. `computed_at`: the start of the pass that counted it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    day = models.DateField(help_text="In UTC.")
    computed_at = models.DateTimeField()

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day}"


class MadeDay(Day):
    """By what conversations were made from. The version may be deleted before the next pass, so nothing keeps it."""

    template_version = models.ForeignKey(
        "templates_app.TemplateVersion",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    tier = models.CharField(max_length=10, choices=Tier.choices, blank=True)
    model = models.CharField(max_length=100, blank=True)
    simulated = models.BooleanField()

    class Meta:
        abstract = True


class DailyCalls(MadeDay):
    """The attempts to reach Claude by how they ended, with their cost in USD and their tokens: `generation_logs` added up.

    `error_kind` is empty where there was none. `simulated`: by the pool, which is where the month's money is divided, too.
    """

    state = models.CharField(max_length=10)
    error_kind = models.CharField(max_length=30, blank=True)
    calls = models.PositiveIntegerField()
    repeats = models.PositiveIntegerField(help_text="Those that were not the first attempt of their item.")
    cost_usd = models.DecimalField(**MONEY)
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    duration_ms = models.BigIntegerField(help_text="Of all calls together.")

    class Meta:
        db_table = "daily_calls"
        verbose_name = verbose_name_plural = "daily calls"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("workspace", "day", "template_version", "tier"),
                    *("model", "simulated", "state", "error_kind"),
                ],
                nulls_distinct=False,
                name="daily_calls_once",
            ),
        ]


class DailyConversations(MadeDay):
    """Conversations, each as its newest version, by their status now and the whole part of their score (`band`, 0 to 10).

    `score_sum` adds up those that have a score.
    """

    status = models.CharField(max_length=14)
    band = models.PositiveSmallIntegerField(null=True, help_text="Empty for those without a score.")
    conversations = models.PositiveIntegerField()
    scored = models.PositiveIntegerField()
    score_sum = models.DecimalField(max_digits=12, decimal_places=1)

    class Meta:
        db_table = "daily_conversations"
        verbose_name = verbose_name_plural = "daily conversations"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("workspace", "day", "template_version", "tier"),
                    *("model", "simulated", "status", "band"),
                ],
                nulls_distinct=False,
                name="daily_conversations_once",
            ),
            models.CheckConstraint(condition=Q(scored__lte=models.F("conversations")), name="daily_scored"),
        ]


class DailyPersonas(Day):
    """Conversations, each as its newest version, by who speaks in them and how that person feels."""

    tier = models.CharField(max_length=10, choices=Tier.choices, blank=True)
    persona = models.CharField(max_length=200, blank=True)
    emotion = models.CharField(max_length=200, blank=True)
    simulated = models.BooleanField()
    conversations = models.PositiveIntegerField()
    approved = models.PositiveIntegerField()

    class Meta:
        db_table = "daily_personas"
        verbose_name = verbose_name_plural = "daily personas"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "day", "tier", "persona", "emotion", "simulated"],
                name="daily_personas_once",
            ),
        ]


class DailyDecisions(Day):
    """Decisions by the person whose they are and by the status that they led to; those that were undone count as well."""

    reviewer = models.CharField(max_length=254)
    to_status = models.CharField(max_length=14)
    decisions = models.PositiveIntegerField()
    undone = models.PositiveIntegerField(help_text="Those of them that were undone.")

    class Meta:
        db_table = "daily_decisions"
        verbose_name = verbose_name_plural = "daily decisions"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "day", "reviewer", "to_status"], name="daily_decisions_once"
            ),
        ]


class StaleDay(models.Model):
    """A day of which a conversation or a decision was deleted: a trigger adds the row, the next pass takes it.

    It may be there several times: a row that is shared by two deletions could be taken before the second one is visible.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    day = models.DateField()

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "stale_days"

    def __str__(self) -> str:
        return f"{self.day}"
