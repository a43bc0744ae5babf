"""The queue as one person sees it: what is undecided, not open at somebody else's, and not skipped before the end."""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from conversations.models import Conversation, ConversationQuerySet, Decision
from conversations.queue import QueueOrder, list_after, list_before, order_queue
from conversations.states import Status
from lib.paging import count_up_to_limit
from review.models import Assignment, Lock, Skip
from workspaces.models import User

MOST_UNDONE = 20


@dataclass(frozen=True, kw_only=True)
class Queue:
    """`rows` are the person's own part of the queue, `order` is how it is walked."""

    rows: ConversationQuerySet
    skipped: ConversationQuerySet
    order: QueueOrder

    def find_first(self, *, but: Conversation | None = None) -> Conversation | None:
        """The first one; when only skipped ones are left, the one that was made first."""
        rows, skipped = ((each.exclude(pk=but.pk) if but else each) for each in (self.rows, self.skipped))
        return order_queue(rows, self.order).first() or skipped.order_by("created_at").first()

    def find_next(self, place: Conversation) -> Conversation | None:
        """The one behind `place`, which need not be in the queue any more; behind the last comes the first."""
        found = list_after(self.rows, self.order, place)
        return found[0] if found else self.find_first(but=place)

    def find_previous(self, place: Conversation) -> Conversation | None:
        found = list_before(self.rows, self.order, place)
        return found[0] if found else None

    def count(self) -> tuple[int, bool]:
        """How many wait, those that were skipped too; exact up to 10,000, and whether there are more."""
        waiting, more = count_up_to_limit(self.rows)
        return waiting + self.skipped.count(), more


def find_queue(user: User, rows: ConversationQuerySet, *, order: QueueOrder, mine: bool = False) -> Queue:
    """The queue of a person among `rows`, which are filtered already. `mine`: only what is assigned to this person."""
    waiting = rows.undecided().reviewable_by(user)
    if mine:
        waiting = waiting.filter(Exists(Assignment.objects.filter(root=OuterRef("root"), assignee=user)))
    held = Lock.objects.valid().filter(conversation=OuterRef("pk")).exclude(user=user)
    skipped = Skip.objects.filter(conversation=OuterRef("pk"), user=user)
    free = waiting.filter(~Exists(held))
    return Queue(rows=free.filter(~Exists(skipped)), skipped=free.filter(Exists(skipped)), order=order)


@dataclass(frozen=True, kw_only=True)
class Today:
    """What one person has decided since midnight."""

    decided: int
    approved: int


def count_today(user: User) -> Today:
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(), time()))
    made = Decision.objects.visible_to(user).filter(created_by=user, created_at__gte=midnight)
    stand = made.filter(undoes=None, undone_by=None).exclude(to_status=Status.ARCHIVED)
    return Today(
        **stand.aggregate(decided=Count("pk"), approved=Count("pk", filter=Q(to_status=Status.APPROVED)))
    )


def find_last_decision(user: User) -> Decision | None:
    """The person's newest decision that can still be taken back, among the last 20."""
    recent: list[UUID] = list(
        Decision.objects.visible_to(user)
        .filter(created_by=user, undoes=None)
        .newest_first()
        .values_list("pk", flat=True)[:MOST_UNDONE]
    )
    found: Decision | None = (
        Decision.objects.can_be_undone_by(user)
        .filter(pk__in=recent)
        .select_related("conversation")
        .newest_first()
        .first()
    )
    return found
