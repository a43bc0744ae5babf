"""A conversation: one row is one version of it, with what it was made from, its score and what it cost."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Concat, Upper

from conversations.models.querysets import ConversationQuerySet
from conversations.models.reviewed import ReviewedModel
from conversations.states import AWAITING_REVIEW, Source, Status
from templates_app.states import LONGEST_TOPIC, Tier

UNDECIDED = Q(is_head=True, decided_at__isnull=True, status__in=sorted(AWAITING_REVIEW))


class Conversation(ReviewedModel):
    conversation_id = models.CharField(max_length=120, help_text="The human id: fp_<persona-slug>_<###>.")
    root = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="Version 1 of this conversation.",
    )
    version = models.PositiveIntegerField(default=1)
    change_note = models.TextField(
        blank=True,
        db_default="",
        help_text="Why this version was made: the instruction, or the note of its editor.",
    )
    origin_job = models.ForeignKey(
        "batches.BatchJob",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The batch that made version 1; later versions inherit it.",
    )
    batch_item = models.OneToOneField(
        "batches.BatchItem", null=True, blank=True, on_delete=models.SET_NULL, related_name="conversation"
    )
    template_version = models.ForeignKey(
        "templates_app.TemplateVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children", db_index=False
    )
    parent_type = models.CharField(max_length=12, blank=True)

    title = models.CharField(max_length=300)
    persona = models.CharField(max_length=200, blank=True)
    emotion = models.CharField(max_length=200, blank=True)
    topic = models.CharField(max_length=LONGEST_TOPIC, blank=True)
    intent = models.CharField(max_length=200, blank=True)
    tone = models.CharField(max_length=200, blank=True)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    category = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    language = models.CharField(max_length=10, default="en")
    parameters = models.JSONField(default=dict, blank=True)
    system_prompt = models.TextField(
        null=True,
        blank=True,
        help_text="The system message of an imported file. Empty: the training system prompt of its template.",
    )
    external_id = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="The id in the file that it was imported from, where that is not the id here.",
    )
    import_job = models.ForeignKey(
        "background.BackgroundJob",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The import that made this version.",
    )
    content_hash = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="Of its turns, by which an import finds what is there already. Empty: not computed yet.",
    )

    source = models.CharField(max_length=10, choices=Source.choices, default=Source.GENERATED)
    simulated = models.BooleanField(default=False)
    model = models.CharField(max_length=100, blank=True)

    quality_score = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    quality_metrics = models.JSONField(default=dict, blank=True)
    flags = models.JSONField(default=list, blank=True)
    flag_count = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many flags it has. Lists order by it first."
    )
    bands = ArrayField(
        models.IntegerField(),
        null=True,
        blank=True,
        help_text="32 numbers of the text, by which near-duplicates are found.",
    )
    compared_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was compared with the other conversations of its workspace.",
    )
    turn_count = models.PositiveIntegerField(default=0)
    total_tokens = models.PositiveIntegerField(default=0)
    estimated_cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    actual_cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    generation_duration_ms = models.PositiveIntegerField(null=True, blank=True)

    error_message = models.TextField(blank=True)

    # The text is put into upper case when the row is written. Doing it in each search took 90% of the search's time.
    search = models.GeneratedField(
        expression=Upper(
            Concat(
                "conversation_id",
                models.Value("\n"),
                "title",
                models.Value("\n"),
                "persona",
                models.Value("\n"),
                "emotion",
                models.Value("\n"),
                "topic",
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    objects: ClassVar[ConversationQuerySet] = ConversationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "conversations"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "conversation_id", "version"], name="conversation_id_once"
            ),
            models.UniqueConstraint(
                fields=["root"], condition=Q(is_head=True), name="conversation_head_once"
            ),
            models.UniqueConstraint(fields=["root", "version"], name="conversation_version_once"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="conversation_status"),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="conversation_tier"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="conversation_source"),
            models.CheckConstraint(condition=Q(version__gte=1), name="conversation_version"),
            models.CheckConstraint(
                condition=Q(parent_type__in=["", "template", "scenario", "conversation"]),
                name="conversation_parent_type",
            ),
            models.CheckConstraint(
                condition=Q(quality_score__isnull=True) | Q(quality_score__range=(0, 10)),
                name="conversation_score",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.APPROVED, approved_at__isnull=False)
                | (~Q(status=Status.APPROVED) & Q(approved_at__isnull=True)),
                name="conversation_approval",
            ),
            models.CheckConstraint(
                condition=Q(is_head=True) | Q(status=Status.ARCHIVED), name="conversation_superseded"
            ),
            models.CheckConstraint(
                condition=Q(score_override__isnull=True) | Q(score_override__range=(0, 10)),
                name="conversation_score_override",
            ),
        ]
        indexes = [
            # Which days have to be added up anew: analytics/rolling.py.
            BrinIndex(fields=["updated_at"], name="conversation_changed", autosummarize=True),
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="conversation_newest"),
            models.Index(
                "workspace", "status", F("created_at").desc(), F("id").desc(), name="conversation_by_status"
            ),
            models.Index(
                "workspace", "tier", F("created_at").desc(), F("id").desc(), name="conversation_by_tier"
            ),
            models.Index(fields=["workspace", "quality_score"], name="conversation_by_score"),
            models.Index(
                fields=["template_version", "quality_score", "created_at"],
                include=["is_head", "workspace"],  # the policy asks for the workspace of each row
                name="conversation_by_template",
            ),
            GinIndex(OpClass("search", name="gin_trgm_ops"), name="conversation_search"),
            # Without the list of pending entries: it would be searched to its end in each lookup.
            GinIndex(fields=["bands"], name="conversation_bands", fastupdate=False),
            models.Index(fields=["parent"], name="conversation_children", condition=Q(parent__isnull=False)),
            models.Index(
                fields=["workspace", "external_id"],
                name="conversation_external_id",
                condition=~Q(external_id=""),
            ),
            models.Index(
                fields=["workspace", "content_hash"],
                name="conversation_content_hash",
                condition=~Q(content_hash=""),
            ),
            models.Index(
                fields=["import_job", "created_at"],
                name="conversation_by_import",
                condition=Q(import_job__isnull=False),
            ),
            models.Index(fields=["origin_job", "created_at"], name="conversation_by_job"),
            # The few that the dashboard names.
            models.Index(
                fields=["workspace"],
                name="conversation_flagged_since",
                condition=Q(is_head=True, flagged_since_decision=True),
            ),
            # The order of the list.
            models.Index(
                *("workspace", F("flag_count").desc(), "quality_score"),
                *(F("created_at").desc(), F("id").desc()),
                name="conversation_flagged_first",
                condition=Q(is_head=True),
            ),
            # The orders of the review queue: flagged first, lowest score, oldest, random (ids are random).
            models.Index(
                *("workspace", F("flag_count").desc(), "quality_score", "created_at", "id"),
                name="conversation_queue_flagged",
                condition=UNDECIDED,
            ),
            models.Index(
                fields=["workspace", "quality_score", "created_at", "id"],
                name="conversation_queue_lowest",
                condition=UNDECIDED,
            ),
            models.Index(
                fields=["workspace", "created_at", "id"],
                name="conversation_queue_oldest",
                condition=UNDECIDED,
            ),
            models.Index(fields=["workspace", "id"], name="conversation_queue_random", condition=UNDECIDED),
        ]

    def __str__(self) -> str:
        return self.conversation_id

    @property
    def training_system_prompt(self) -> str:
        """The system message that an export writes; empty for none."""
        if self.system_prompt is not None:
            return self.system_prompt
        return self.template_version.training_system_prompt if self.template_version else ""

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Delete it for good, as `ConversationQuerySet.delete` does."""
        return Conversation.objects.filter(pk=self.pk).delete()
