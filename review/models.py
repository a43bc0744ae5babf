"""What reviewers leave behind beside their decisions: locks, skips, unsaved edits, comments, answers to the judge."""

from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from conversations.models import Conversation, DimensionScore
from conversations.models.judgements import HIGHEST_SCORE, LOWEST_SCORE
from workspaces.models import ClockTimestamp, OwnedModel, WorkspaceQuerySet

LOCK_LASTS = timedelta(minutes=10)
LONGEST_COMMENT, LONGEST_QUOTE = 5_000, 500  # characters


class LockQuerySet(WorkspaceQuerySet):
    def valid(self) -> Self:
        return self.filter(expires_at__gt=ClockTimestamp())


class Lock(OwnedModel):
    """Somebody has this conversation open. Others pass it by in their queues; whoever opens it all the same may decide."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="lock")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    expires_at = models.DateTimeField()

    objects: ClassVar[LockQuerySet] = LockQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_locks"

    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%H:%M}"


class Assignment(OwnedModel):
    """Whose a conversation is to review. `created_by` gave it to that person."""

    root = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="assignment")
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_assignments"

    def __str__(self) -> str:
        return f"for {self.assignee}"


class Skip(OwnedModel):
    """A person wants to see this conversation after all others of the queue."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="skips", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_skips"
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="skip_once")]

    def __str__(self) -> str:
        return f"skipped by {self.user}"


class Draft(OwnedModel):
    """An edit that is not saved as a version yet: one turn, of one person, begun at one revision."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="drafts", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    turn_number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField(help_text="That of the conversation when the edit was begun.")
    text = models.TextField(blank=True)

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_drafts"
        constraints = [
            models.UniqueConstraint(fields=["conversation", "user", "turn_number"], name="draft_once")
        ]

    def __str__(self) -> str:
        return f"turn {self.turn_number} of {self.user}"


class CommentQuerySet(WorkspaceQuerySet):
    def of_chain(self, conversation: Conversation) -> Self:
        """The comments on any version of this conversation, oldest first."""
        return self.filter(root=conversation.root_id).order_by("created_at", "id")


class Comment(OwnedModel):
    """A remark about a turn. It names the version and quotes the text; it shows while that text stands."""

    root = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+", db_index=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="comments", db_index=False
    )
    turn_number = models.PositiveIntegerField()
    quote = models.CharField(max_length=LONGEST_QUOTE, help_text="The text that it is about, as it was.")
    text = models.TextField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[CommentQuerySet] = CommentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_comments"
        constraints = [
            models.CheckConstraint(condition=Q(turn_number__gte=1), name="comment_turn"),
            models.CheckConstraint(condition=~Q(text=""), name="comment_text"),
        ]
        indexes = [models.Index("root", F("created_at"), name="comment_of_chain")]

    def __str__(self) -> str:
        return f"turn {self.turn_number}"


class Answer(OwnedModel):
    """What a reviewer gives the dimension that the judge has scored: the same number when they agree. Rows are only added."""

    score = models.ForeignKey(
        DimensionScore, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    value = models.PositiveSmallIntegerField()

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "review_answers"
        constraints = [
            models.CheckConstraint(
                condition=Q(value__range=(LOWEST_SCORE, HIGHEST_SCORE)), name="answer_value"
            ),
        ]
        indexes = [models.Index("score", "user", F("created_at").desc(), name="answer_newest")]

    def __str__(self) -> str:
        return f"{self.value} by {self.user}"
