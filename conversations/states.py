"""The states of a conversation, and the allowed moves between them."""

from django.db import models


class Status(models.TextChoices):
    DRAFT = "draft"
    GENERATING = "generating"
    GENERATED = "generated"
    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    NEEDS_REVISION = "needs_revision"
    FAILED = "failed"
    ARCHIVED = "archived"


# Conversations with turns, on which a person may decide.
REVIEWABLE = frozenset(
    {Status.GENERATED, Status.PENDING_REVIEW, Status.NEEDS_REVISION, Status.APPROVED, Status.REJECTED}
)
ARCHIVABLE = frozenset(Status) - {Status.GENERATING, Status.ARCHIVED}
AWAITING_REVIEW = frozenset({Status.GENERATED, Status.PENDING_REVIEW, Status.NEEDS_REVISION})

DECISIONS = {
    Status.APPROVED: "approved",
    Status.REJECTED: "rejected",
    Status.NEEDS_REVISION: "sent back for revision",
}

MOVES = frozenset(
    {(old, new) for old in REVIEWABLE for new in REVIEWABLE if old != new}
    | {(old, Status.ARCHIVED) for old in ARCHIVABLE}
    | {(Status.ARCHIVED, new) for new in ARCHIVABLE}
    | {
        (Status.DRAFT, Status.GENERATING),
        (Status.GENERATING, Status.FAILED),
        (Status.GENERATING, Status.DRAFT),
        (Status.FAILED, Status.GENERATING),
    }
    | {(Status.GENERATING, new) for new in AWAITING_REVIEW}
)


class ReviewAction(models.TextChoices):
    """What a person does with a conversation, in the words of the API."""

    APPROVE = "approve"
    REJECT = "reject"
    NEEDS_REVISION = "needs_revision"
    ARCHIVE = "archive"
    RESTORE = "restore"
    UNDO = "undo"


class BulkAction(models.TextChoices):
    """What a person does with many conversations at once. To delete is for good, with all versions."""

    APPROVE = "approve"
    REJECT = "reject"
    NEEDS_REVISION = "needs_revision"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"


# The actions that have reasons.
WITH_REASONS = frozenset({ReviewAction.REJECT, ReviewAction.NEEDS_REVISION})


class ReasonCode(models.TextChoices):
    """Why a conversation is sent back or rejected. The order is that of the keys 1 to 9."""

    INACCURATE = "inaccurate", "Wrong facts"
    OFF_TOPIC = "off_topic", "Misses the topic"
    PERSONA = "persona", "Out of character"
    UNNATURAL = "unnatural", "Sounds unnatural"
    REPETITIVE = "repetitive", "Repeats itself"
    TOO_SHORT = "too_short", "Too short or cut off"
    LEAK = "leak", "Repeats its instructions"
    UNSAFE = "unsafe", "Unsafe or personal data"
    OTHER = "other", "Another reason"


class Source(models.TextChoices):
    GENERATED = "generated"
    EDITED = "edited"
    IMPORTED = "imported"


class Role(models.TextChoices):
    USER = "user"
    ASSISTANT = "assistant"


class JudgedDimension(models.TextChoices):
    """What the judge scores, each from 0 to 10. The order is that of the rubric, of pages and of keys."""

    RELEVANCE = "relevance"
    ACCURACY = "accuracy"
    NATURALNESS = "naturalness"
    METHODOLOGY = "methodology"
    COHERENCE = "coherence"
    TRAINING_VALUE = "training_value", "Training value"
