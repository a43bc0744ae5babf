"""Conversations, their turns, and the counters for human ids."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Concat, Upper
from django.utils import timezone

from conversations.states import ARCHIVABLE, DECISIONS, MOVES, REVIEWABLE, Role, Source, Status
from lib.stale_state import StaleState
from templates_app.states import LONGEST_TOPIC, Tier
from workspaces.audit import record
from workspaces.models import ClockTimestamp, OwnedModel, User, WorkspaceQuerySet
from workspaces.states import Action, TargetKind


class ConversationQuerySet(WorkspaceQuerySet):
    def awaiting_review(self) -> Self:
        return self.filter(status__in=[Status.GENERATED, Status.PENDING_REVIEW, Status.NEEDS_REVISION])

    def matching(self, text: str) -> Self:
        """Case-insensitive substring search over id, title, persona, emotion and topic (trigram index)."""
        if not text.strip():
            return self
        return self.filter(search__contains=Upper(models.Value(text)))

    def created_between(self, since: datetime | None, until: datetime | None) -> Self:
        found = self.filter(created_at__gte=since) if since else self
        return found.filter(created_at__lt=until) if until else found

    def scored_between(self, low: Decimal | None, high: Decimal | None) -> Self:
        found = self.filter(quality_score__gte=low) if low is not None else self
        return found.filter(quality_score__lte=high) if high is not None else found

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete them for good, with their turns; with a first version go all its later ones.

        What was paid stays in the log. Their items stay completed and tell when it was, so that a conversation which is
        missing for another reason is still noticed (rule I2).
        """
        keys = list(self.values_list("pk", flat=True))
        gone = self.model._default_manager.filter(Q(pk__in=keys) | Q(root__in=keys))
        items = self.model._meta.get_field("batch_item").related_model._default_manager
        with transaction.atomic():
            items.filter(conversation__in=gone).update(conversation_deleted_at=ClockTimestamp())
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own: no template may call it
    delete.queryset_only = True  # type: ignore[attr-defined]


class Conversation(OwnedModel):
    conversation_id = models.CharField(max_length=120, help_text="The human id: fp_<persona-slug>_<###>.")
    root = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        help_text="Version 1 of this conversation.",
    )
    version = models.PositiveIntegerField(default=1)
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

    status = models.CharField(max_length=14, choices=Status.choices, default=Status.DRAFT)
    status_before_archive = models.CharField(max_length=14, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.GENERATED)
    simulated = models.BooleanField(default=False)
    model = models.CharField(max_length=100, blank=True)

    quality_score = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    score_override = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    quality_metrics = models.JSONField(default=dict, blank=True)
    flags = models.JSONField(default=list, blank=True)
    turn_count = models.PositiveIntegerField(default=0)
    total_tokens = models.PositiveIntegerField(default=0)
    estimated_cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    actual_cost_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    generation_duration_ms = models.PositiveIntegerField(null=True, blank=True)

    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    reviewer_notes = models.TextField(blank=True)
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
            models.UniqueConstraint(fields=["workspace", "conversation_id"], name="conversation_id_once"),
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
        ]
        indexes = [
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="conversation_newest"),
            models.Index(
                "workspace", "status", F("created_at").desc(), F("id").desc(), name="conversation_by_status"
            ),
            models.Index(
                "workspace", "tier", F("created_at").desc(), F("id").desc(), name="conversation_by_tier"
            ),
            models.Index(fields=["workspace", "quality_score"], name="conversation_by_score"),
            models.Index(
                fields=["template_version", "quality_score", "created_at"], name="conversation_by_template"
            ),
            GinIndex(OpClass("search", name="gin_trgm_ops"), name="conversation_search"),
        ]

    def __str__(self) -> str:
        return self.conversation_id

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Delete it for good, as `ConversationQuerySet.delete` does."""
        return Conversation.objects.filter(pk=self.pk).delete()

    # --- moves -----------------------------------------------------------------------------------------

    def approve(self, *, by: User | None, note: str = "") -> None:
        self._decide(Status.APPROVED, Action.APPROVE, by=by, note=note)

    def reject(self, *, by: User | None, note: str = "") -> None:
        self._decide(Status.REJECTED, Action.REJECT, by=by, note=note)

    def send_back(self, *, by: User | None, note: str = "") -> None:
        self._decide(Status.NEEDS_REVISION, Action.SEND_BACK, by=by, note=note)

    def archive(self, *, by: User | None) -> None:
        if self.status not in ARCHIVABLE:
            raise StaleState("conversation", verb="archived", status=self.status)
        self._move(
            Status.ARCHIVED,
            action=Action.ARCHIVE,
            by=by,
            verb="archived",
            status_before_archive=self.status,
            approved_by=None,
            approved_at=None,
        )

    def restore(self, *, by: User | None) -> None:
        """Give it the status it had before it was archived. A conversation that was approved must be approved again."""
        if self.status != Status.ARCHIVED:
            raise StaleState("conversation", verb="restored", status=self.status)
        before = Status(self.status_before_archive or Status.GENERATED)
        self._move(
            Status.PENDING_REVIEW if before == Status.APPROVED else before,
            action=Action.RESTORE,
            by=by,
            verb="restored",
            status_before_archive="",
        )

    def _decide(self, to: Status, action: Action, *, by: User | None, note: str) -> None:
        if self.status not in REVIEWABLE:
            raise StaleState("conversation", verb=DECISIONS[to], status=self.status)
        if self.status == to:
            return
        approval = (
            {"approved_by": by, "approved_at": timezone.now()}
            if to == Status.APPROVED
            else {"approved_by": None, "approved_at": None}
        )
        notes = {"reviewer_notes": note} if note else {}
        self._move(to, action=action, by=by, verb=DECISIONS[to], **approval, **notes)

    @transaction.atomic
    def _move(self, to: Status, *, action: Action, by: User | None, verb: str, **fields: Any) -> None:
        if (Status(self.status), to) not in MOVES:
            raise StaleState("conversation", verb=verb, status=self.status)
        approval = self._read_approval()
        if not Conversation.objects.filter(pk=self.pk, status=self.status).update(status=to, **fields):
            self.refresh_from_db(fields=["status"])
            raise StaleState("conversation", verb=verb, status=self.status)
        before = {"status": self.status}
        for name, value in {"status": to, **fields}.items():
            setattr(self, name, value)
        record(
            action=action,
            kind=TargetKind.CONVERSATION,
            target=self,
            by=by,
            before=before,
            after={"status": to, **approval},
        )

    def _read_approval(self) -> dict[str, str]:
        """Who had approved it, for the entry of the move that takes the approval away."""
        if self.status != Status.APPROVED:
            return {}
        rows = Conversation.objects.filter(pk=self.pk).exclude(approved_by=None)
        found = rows.values_list("approved_by__email", "approved_by__username").first()
        return {"was_approved_by": found[0] or found[1]} if found else {}


class Turn(OwnedModel):
    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.DO_NOTHING,
        related_name="turns",
        db_index=False,  # the database deletes it
    )
    turn_number = models.PositiveIntegerField()
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField()
    token_count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "conversation_turns"
        ordering = ["turn_number"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "turn_number"], name="turn_once"),
            models.CheckConstraint(condition=Q(turn_number__gte=1), name="turn_number"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="turn_role"),
        ]

    def __str__(self) -> str:
        return f"turn {self.turn_number}"


class IdCounter(models.Model):
    """The next number for human ids, one row per workspace and persona slug. Rows are locked in the order of slugs."""

    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=60)
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="id_counter_once")]

    def __str__(self) -> str:
        return f"{self.slug} {self.next_number}"
