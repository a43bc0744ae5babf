"""The items of a batch. An item is one conversation to be made, or to be judged: its values, its state and its worker."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.fields.json import KeyTextTransform

from batches.models.jobs import BatchJob
from batches.models.states import (
    ItemKind,
    ItemStatus,
)
from batches.models.workers import Worker
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC, Tier
from workspaces.models import OwnedModel, WorkspaceQuerySet

# Two hashes that find items with the same prompt, and with the same subject. PostgreSQL computes them, so that every way of
# writing the row fills them; equal `jsonb` values have the same text.
SAME_PROMPT = Func(
    template="md5(template_version_id::text || parameters::text || details::text || topic)::uuid",
    output_field=models.UUIDField(),
)
SAME_SUBJECT = Func(
    template="md5(topic || chr(31) || coalesce(parameters->>'persona', '') || chr(31) || coalesce(parameters->>'emotion', ''))::uuid",
    output_field=models.UUIDField(),
)


class BatchItemQuerySet(WorkspaceQuerySet):
    def in_plan_order(self) -> Self:
        """The order does not change while a batch runs, so a page of a list keeps its rows."""
        return self.order_by("position")

    def with_conversation_summary(self) -> Self:
        """What a table of items shows. The values stay in the database, because one can have 20,000 characters."""
        return (
            self.select_related("conversation")
            .annotate(persona=KeyTextTransform("persona", "parameters"))
            .only(
                *("job_id", "position", "conversation_id", "topic", "tier", "status", "attempt", "ended_at"),
                *("error_kind", "error_message"),
                *("conversation__title", "conversation__status", "conversation__quality_score"),
                "conversation__flag_count",
                *("conversation__root_id", "conversation__version", "conversation__is_head"),
            )
        )

    def with_template_summary(self) -> Self:
        """Each item with its template version, without the texts of the version."""
        texts = ("text", "system_prompt", "training_system_prompt")
        return self.select_related("template_version__template").defer(
            *(f"template_version__{name}" for name in texts)
        )


class BatchItem(OwnedModel):
    """One conversation of a batch, in the order of `position` (from 1). Its state is moved only by `batches.engine` and actions."""

    job = models.ForeignKey(BatchJob, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ItemKind.choices, default=ItemKind.GENERATE)
    conversation_id = models.CharField(
        max_length=120, blank=True, help_text="The human id, given at the start; a draft's items have none."
    )
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Of every kind but judgements, which have none.",
    )
    topic = models.CharField(max_length=LONGEST_TOPIC, blank=True)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    category = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    parameters = models.JSONField(default=dict)
    details = models.JSONField(default=dict, blank=True, help_text="Name to text: lines below the prompt.")
    regenerates = models.ForeignKey(
        "conversations.Conversation",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The version that it regenerates; empty again once that is deleted for good.",
    )
    instruction = models.TextField(
        blank=True, default="", db_default="", help_text="What a regeneration is to change."
    )
    from_turn = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="A regeneration writes anew from this turn on; empty: all turns."
    )
    judges = models.ForeignKey(
        "conversations.Conversation",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The version that is judged; empty again once that is deleted for good.",
    )
    fills = models.UUIDField(
        null=True,
        blank=True,
        help_text="The draft of a conversation that it fills; the id stays when that is deleted.",
    )
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
    # How often its worker died while it was in flight.
    crashes = models.PositiveSmallIntegerField(default=0)
    # Not to be claimed before this moment; empty: at once.
    run_after = models.DateTimeField(null=True, blank=True)
    # When the item was last dispatched; empty: it may be dispatched at once. The column keeps its first name.
    rung_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    retried_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a person has put it back into the queue: what was tried before is done with.",
    )
    conversation_deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the conversation that was made of it was deleted for good."
    )
    # Identifies the claim of a processing item: only the claim with this token may fail, retry or release it.
    token = models.UUIDField(null=True, blank=True)
    worker = models.ForeignKey(
        Worker, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    current_log = models.ForeignKey(
        "GenerationLog", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    objects: ClassVar[BatchItemQuerySet] = BatchItemQuerySet.as_manager()  # type: ignore[assignment]

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
            models.CheckConstraint(
                condition=Q(kind=ItemKind.REGENERATE)
                | Q(regenerates__isnull=True, instruction="", from_turn__isnull=True),
                name="item_regeneration",
            ),
            models.CheckConstraint(
                condition=Q(from_turn__isnull=True) | Q(from_turn__gte=2), name="item_from_turn"
            ),
            models.CheckConstraint(
                condition=Q(kind=ItemKind.JUDGEMENT, template_version__isnull=True)
                | (~Q(kind=ItemKind.JUDGEMENT) & Q(template_version__isnull=False, judges__isnull=True)),
                name="item_judgement",
            ),
            models.CheckConstraint(
                condition=Q(kind=ItemKind.GENERATE) | Q(fills__isnull=True), name="item_fills"
            ),
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
            models.Index(
                fields=["job"], name="item_lost", condition=Q(status="queued", error_kind="crashed")
            ),
            models.Index("job", F("ended_at").desc(), name="item_ended", condition=Q(ended_at__isnull=False)),
            models.Index(
                fields=["regenerates"], name="item_regenerates", condition=Q(regenerates__isnull=False)
            ),
            models.Index(fields=["judges"], name="item_judges", condition=Q(judges__isnull=False)),
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

    @property
    def made_from(self) -> TemplateVersion:
        """The template version of an item that becomes a conversation; a judgement has none, and is never asked for it."""
        assert self.template_version is not None, "a judgement has no template version"
        return self.template_version
