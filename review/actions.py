"""What reviewers do beside deciding: open, skip, assign, draft and comment. Decisions are verbs of the conversation itself."""

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from conversations.bulk import MOST_AT_ONCE, TooMany
from conversations.models import Conversation, ConversationQuerySet, DimensionScore
from conversations.models.judgements import HIGHEST_SCORE, LOWEST_SCORE
from lib.count_changed import CountChanged
from review.models import (
    LOCK_LASTS,
    LONGEST_COMMENT,
    LONGEST_QUOTE,
    Answer,
    Assignment,
    Comment,
    Draft,
    Lock,
    Skip,
)
from workspaces.models import Membership, User

MOST_REVIEWERS = 200

# Taken where nobody holds it, or the holder's time is over; prolonged where it is one's own.
TAKE_LOCK = """
INSERT INTO review_locks (id, workspace_id, conversation_id, user_id, created_by_id, expires_at)
VALUES (gen_random_uuid(), %(workspace)s, %(conversation)s, %(user)s, %(user)s, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (conversation_id) DO UPDATE SET user_id = excluded.user_id, expires_at = excluded.expires_at
 WHERE review_locks.user_id = excluded.user_id OR review_locks.expires_at <= clock_timestamp()
"""


class AnswerError(ValueError):
    """The answer to the judge cannot be stored; the message says why."""


class CommentError(ValueError):
    """The comment cannot be stored; the message says why."""


def take_lock(conversation: Conversation, *, user: User) -> bool:
    """Say for ten minutes that this person has it open. False when somebody else has."""
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE_LOCK,
            {
                "workspace": conversation.workspace_id,
                "conversation": conversation.pk,
                "user": user.pk,
                "seconds": LOCK_LASTS.total_seconds(),
            },
        )
        return bool(cursor.rowcount == 1)


def release_lock(conversation: Conversation, *, user: User) -> None:
    Lock.objects.filter(conversation=conversation, user=user).delete()


def find_holder(conversation: Conversation, *, user: User) -> Lock | None:
    """The valid lock of somebody else."""
    found: Lock | None = (
        Lock.objects.valid()
        .filter(conversation=conversation)
        .exclude(user=user)
        .select_related("user")
        .first()
    )
    return found


def skip(conversation: Conversation, *, user: User) -> None:
    """Put it behind all others of this person's queue. Skipped again it goes behind the other skipped ones."""
    with transaction.atomic():
        Skip.objects.filter(conversation=conversation, user=user).delete()
        Skip.objects.create(
            workspace_id=conversation.workspace_id, conversation=conversation, user=user, created_by=user
        )
        release_lock(conversation, user=user)


def assign(conversation: Conversation, *, to: User | None, by: User) -> None:
    """Give the whole chain to a person, or to nobody."""
    if to is None:
        Assignment.objects.filter(root=conversation.root_id).delete()
        return
    Assignment.objects.update_or_create(
        root_id=conversation.root_id,
        defaults={"assignee": to},
        create_defaults={"assignee": to, "workspace_id": conversation.workspace_id, "created_by": by},
    )


def assign_many(rows: ConversationQuerySet, count: int, *, to: User | None, by: User) -> int:
    """Give all of these chains to a person, or to nobody. `count` is the number that the person confirmed.

    Raises CountChanged when they are another number by now, TooMany when they are more than 10,000.
    """
    found = list(rows.order_by("pk").values_list("root_id", "workspace_id")[: MOST_AT_ONCE + 1])
    if len(found) > MOST_AT_ONCE:
        raise TooMany(MOST_AT_ONCE)
    if len(found) != count:
        raise CountChanged(len(found))
    with transaction.atomic():
        if to is None:
            Assignment.objects.filter(root__in=[root for root, _ in found]).delete()
            return len(found)
        Assignment.objects.bulk_create(
            [Assignment(root_id=root, workspace_id=home, assignee=to, created_by=by) for root, home in found],
            update_conflicts=True,
            unique_fields=["root"],
            update_fields=["assignee"],
        )
    return len(found)


def list_reviewers(rows: ConversationQuerySet) -> list[User]:
    """The people who may review all of these conversations, by name."""
    homes = list(rows.order_by().values_list("workspace_id", flat=True).distinct())
    members = Q(membership__workspace__in=homes, membership__role__in=Membership.REVIEWERS)
    able = User.objects.filter(is_active=True).alias(n=Count("membership", filter=members))
    return list(able.filter(n=len(homes)).order_by("username")[:MOST_REVIEWERS]) if homes else []


def save_draft(conversation: Conversation, *, turn: int, text: str, user: User) -> Draft:
    """Keep what somebody is writing. It is no version: nobody else sees it."""
    draft, _ = Draft.objects.update_or_create(
        conversation=conversation,
        user=user,
        turn_number=turn,
        defaults={"text": text},
        create_defaults={
            "text": text,
            "revision": conversation.revision,
            "workspace_id": conversation.workspace_id,
            "created_by": user,
        },
    )
    return draft


def discard_drafts(conversation: Conversation, *, user: User) -> None:
    Draft.objects.filter(conversation=conversation, user=user).delete()


def comment(conversation: Conversation, *, turn: int, text: str, by: User) -> Comment:
    """Say something about a turn. Raises CommentError."""
    text = text.strip()
    if not text:
        raise CommentError("Write a comment first.")
    if len(text) > LONGEST_COMMENT:
        raise CommentError(
            f"The comment has {len(text):,} characters; at most {LONGEST_COMMENT:,} are allowed."
        )
    found = conversation.turns.filter(turn_number=turn).first()
    if found is None:
        raise CommentError(f"Turn {turn} does not exist.")
    return Comment.objects.create(
        workspace_id=conversation.workspace_id,
        root_id=conversation.root_id,
        conversation=conversation,
        turn_number=turn,
        quote=found.content[:LONGEST_QUOTE],
        text=text,
        created_by=by,
    )


def resolve(found: Comment) -> None:
    """Mark a comment as dealt with; it stays in the table."""
    Comment.objects.filter(pk=found.pk, resolved_at=None).update(resolved_at=timezone.now())


def answer_judge(score: DimensionScore, *, value: int, by: User) -> Answer:
    """Say which score this person gives the dimension: the judge's own means that they agree. The newest answer counts.

    It changes neither the judgement nor the conversation. Raises AnswerError for a number outside of the scale.
    """
    if not LOWEST_SCORE <= value <= HIGHEST_SCORE:
        raise AnswerError(f"A score is a whole number from {LOWEST_SCORE} to {HIGHEST_SCORE}.")
    made: Answer = Answer.objects.create(
        workspace_id=score.workspace_id, score=score, user=by, value=value, created_by=by
    )
    return made
