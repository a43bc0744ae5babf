"""Decisions of people about a version of a conversation. Rows are only added; to undo one adds another."""

from typing import ClassVar, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from conversations.states import ReasonCode, Status
from workspaces.models import OwnedModel, WorkspaceQuerySet

LONGEST_NOTE = 5_000  # characters
LONGEST_NAME = 254


class DecisionQuerySet(WorkspaceQuerySet):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-revision")

    def of_chain(self, root: UUID) -> Self:
        """The decisions about all versions of the conversation whose version 1 this is, newest first."""
        return self.filter(conversation__root=root).newest_first()

    def can_be_undone_by(self, user: object) -> Self:
        """This person's own decisions that still stand: nothing has been decided or changed since."""
        own = self.filter(created_by=user, undoes=None, undone_by=None)
        return own.filter(conversation__revision=F("revision"), conversation__is_head=True)


class Decision(OwnedModel):
    """One move of one version, by a person. `revision` is the conversation's afterwards, so it orders the history.

    `created_by` is who decided; the name stays when that person is deleted. `before` holds what undoing restores.
    """

    conversation = models.ForeignKey(
        "conversations.Conversation",
        on_delete=models.DO_NOTHING,  # the database deletes it
        related_name="decisions",
        db_index=False,
    )
    who_name = models.CharField(
        "name",
        max_length=LONGEST_NAME,
        help_text="E-mail address or user name at that time; “system” for nobody.",
    )
    on_behalf_of = models.CharField(
        max_length=200, blank=True, help_text="The reviewer whose decision was brought in by another person."
    )
    from_status = models.CharField(max_length=14, choices=Status.choices)
    to_status = models.CharField(max_length=14, choices=Status.choices)
    note = models.TextField(blank=True)
    reasons = ArrayField(
        models.CharField(max_length=20, choices=ReasonCode.choices), default=list, blank=True
    )
    revision = models.PositiveIntegerField()
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="undone_by"
    )
    before = models.JSONField(default=dict, blank=True)

    objects: ClassVar[DecisionQuerySet] = DecisionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "conversation_decisions"
        constraints = [
            models.UniqueConstraint(fields=["conversation", "revision"], name="decision_revision_once"),
            models.CheckConstraint(
                condition=Q(from_status__in=Status.values, to_status__in=Status.values),
                name="decision_status",
            ),
            models.CheckConstraint(condition=~Q(who_name=""), name="decision_who_name"),
        ]
        indexes = [
            # Which days have to be added up anew: analytics/rolling.py.
            models.Index(fields=["updated_at"], name="decision_changed"),
            models.Index("workspace", "created_by", F("created_at").desc(), name="decision_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.who_name}: {self.from_status} to {self.to_status}"
