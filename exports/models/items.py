"""The frozen rows of an export: which version of which conversation, in which split, at which place."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from conversations.models import Conversation
from conversations.states import Status
from exports.models.exports import Export
from exports.models.states import Split
from workspaces.models import OwnedModel, WorkspaceQuerySet


class ExportItemQuerySet(WorkspaceQuerySet):
    def changed_since(self) -> Self:
        """Those whose conversation has a newer version or another status now, or was deleted for good."""
        gone = Q(conversation=None)
        return self.filter(gone | Q(conversation__is_head=False) | ~Q(conversation__status=F("status")))


class ExportItem(OwnedModel):
    """`other` is the version that a pair of preferences has beside the approved one, `label` the decision (KTO).

    Status and score are those of the moment of freezing, because both may change later. `content_hash` is the SHA-256 of the
    turns, of both versions in a pair: see `exports.running.freezing`.
    """

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveIntegerField(help_text="From 1; the order in the files.")
    conversation = models.ForeignKey(
        Conversation,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,  # the database empties it
        related_name="+",
        db_index=False,
    )
    other = models.ForeignKey(
        Conversation,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,  # the database empties it
        related_name="+",
        db_index=False,
    )
    version = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    group = models.UUIDField(
        help_text="What is never divided: its chain of versions with its near-duplicates."
    )
    split = models.CharField(max_length=10, choices=Split.choices)
    label = models.BooleanField(null=True, blank=True)
    status = models.CharField(max_length=14, choices=Status.choices)
    score = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)

    objects: ClassVar[ExportItemQuerySet] = ExportItemQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "export_items"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["export", "position"], name="export_position_once"),
            models.CheckConstraint(condition=Q(position__gte=1), name="export_item_position"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="export_item_split"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="export_item_status"),
        ]
        indexes = [
            # A conversation that is deleted for good is looked up here.
            models.Index(fields=["conversation"], name="export_item_conversation"),
            models.Index(fields=["other"], name="export_item_other", condition=Q(other__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.position} of {self.export_id}"
