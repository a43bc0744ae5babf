"""What a model says about a conversation: a rubric, a judgement of one version by it, and its score for each dimension."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from conversations.models.conversations import Conversation
from conversations.states import JudgedDimension
from workspaces.models import OwnedModel, WorkspaceQuerySet

LONGEST_CRITERION = 2_000  # characters
LONGEST_REASON = 1_000
LOWEST_SCORE, HIGHEST_SCORE = 0, 10


class Rubric(OwnedModel):
    """One version of a workspace's rubric: for each dimension what is judged. Its texts never change; an edit is a new version."""

    version = models.PositiveIntegerField()
    criteria = models.JSONField(help_text="Dimension to what is judged, in words.")

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "rubrics"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "version"], name="rubric_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="rubric_version"),
        ]

    def __str__(self) -> str:
        return f"rubric v{self.version}"


class JudgementQuerySet(WorkspaceQuerySet):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Judgement(OwnedModel):
    """What the judge said about one version of a conversation. It decides nothing and moves nothing.

    `content_hash` is that of the turns which were judged (`conversations.quality.hash_turns`).
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="judgements", db_index=False
    )
    batch_item = models.OneToOneField(
        "batches.BatchItem", null=True, blank=True, on_delete=models.SET_NULL, related_name="judgement"
    )
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="+", db_index=False)
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the turns that were judged.")
    model = models.CharField(max_length=100)
    simulated = models.BooleanField(default=False)
    cost_usd = models.DecimalField(max_digits=18, decimal_places=9)

    objects: ClassVar[JudgementQuerySet] = JudgementQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "judgements"
        indexes = [
            models.Index("conversation", F("created_at").desc(), name="judgement_of_conversation"),
            models.Index(fields=["rubric"], name="judgement_by_rubric"),
        ]

    def __str__(self) -> str:
        return f"judgement of {self.conversation_id}"


class DimensionScore(OwnedModel):
    """The judge's score of one dimension, 0 to 10, with the passage of the conversation that is its evidence."""

    judgement = models.ForeignKey(Judgement, on_delete=models.CASCADE, related_name="scores", db_index=False)
    dimension = models.CharField(max_length=14, choices=JudgedDimension.choices)
    score = models.PositiveSmallIntegerField()
    quote = models.TextField(help_text="The passage as it stands in the turn.")
    turn_number = models.PositiveIntegerField()
    reason = models.TextField(blank=True)

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "judgement_scores"
        constraints = [
            models.UniqueConstraint(fields=["judgement", "dimension"], name="judged_dimension_once"),
            models.CheckConstraint(
                condition=Q(score__range=(LOWEST_SCORE, HIGHEST_SCORE)), name="judged_score"
            ),
            models.CheckConstraint(
                condition=Q(dimension__in=JudgedDimension.values), name="judged_dimension"
            ),
            models.CheckConstraint(condition=~Q(quote=""), name="judged_quote"),
            models.CheckConstraint(condition=Q(turn_number__gte=1), name="judged_turn"),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.score}"
