"""Which conversations: the conditions of lists, of the review queue and of searches, and deletion for good."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from conversations.models.deleting import tell_deleting
from conversations.models.search import search_conversations
from conversations.states import AWAITING_REVIEW, Status
from workspaces.models import ClockTimestamp, WorkspaceQuerySet


class ConversationQuerySet(WorkspaceQuerySet):
    def heads(self) -> Self:
        """The newest version of each conversation. Lists, counts and downloads show only these."""
        return self.filter(is_head=True)

    def undecided(self) -> Self:
        """The review queue: newest versions on which no person has decided. A new version is undecided again."""
        return self.heads().filter(decided_at=None, status__in=sorted(AWAITING_REVIEW))

    def approved(self) -> Self:
        """What an export takes: newest versions that people stand behind."""
        return self.heads().filter(status=Status.APPROVED)

    def to_fix(self) -> Self:
        """What people have sent back and nobody has made a new version of."""
        return self.heads().filter(status=Status.NEEDS_REVISION, decided_at__isnull=False)

    def flagged_since_decision(self) -> Self:
        """Decided ones that a later scoring has flagged. The decision stands until a person changes it."""
        return self.heads().filter(flagged_since_decision=True)

    def of_job(self, job: UUID) -> Self:
        """The conversations that a job made, in their newest version, whoever made that one."""
        return self.filter(origin_job=job)

    def can_be_filled_by(self, item: UUID) -> Self:
        """Drafts without text, and those that this item of a batch has begun to fill."""
        begun = Q(status__in=[Status.GENERATING, Status.FAILED], batch_item=item)
        return self.filter(Q(status=Status.DRAFT) | begun)

    def matching(self, text: str) -> Self:
        """Those that hold every word of the text: see `conversations.models.search`, which it asks at once."""
        return search_conversations(self, text).rows

    def flagged_with(self, kinds: Collection[str]) -> Self:
        """Those with a flag of one of these kinds; `any` stands for every kind, `none` for no flag at all."""
        wanted = Q(flag_count__gt=0) if "any" in kinds else Q()
        if "any" not in kinds:
            for kind in set(kinds) - {"none"}:
                wanted |= Q(flag_count__gt=0, flags__contains=[{"kind": kind}])
        return self.filter(wanted | Q(flag_count=0) if "none" in kinds else wanted)

    def created_between(self, since: datetime | None, until: datetime | None) -> Self:
        found = self.filter(created_at__gte=since) if since else self
        return found.filter(created_at__lt=until) if until else found

    def scored_between(self, low: Decimal | None, high: Decimal | None) -> Self:
        found = self.filter(quality_score__gte=low) if low is not None else self
        return found.filter(quality_score__lte=high) if high is not None else found

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete them for good, with their turns and decisions; with a first version go all its later ones.

        Of a chain that loses its newest version the one before becomes the newest.

        What was paid stays in the log. Their items stay completed and tell when it was, so that a conversation which is
        missing for another reason is still noticed (rule I2).
        """
        keys = list(self.values_list("pk", flat=True))
        roots = list(self.model._default_manager.filter(pk__in=keys).values_list("root", flat=True))
        gone = self.model._default_manager.filter(Q(pk__in=keys) | Q(root__in=keys))
        items = self.model._meta.get_field("batch_item").related_model._default_manager
        with transaction.atomic():
            tell_deleting(list(gone.values_list("pk", flat=True)))
            items.filter(conversation__in=gone).update(conversation_deleted_at=ClockTimestamp())
            deleted = super().delete()
            self._promote_newest(roots)
            return deleted

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own: no template may call it
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _promote_newest(self, roots: list[UUID]) -> None:
        """In each of these chains that has no newest version any more, mark the last one that is left."""
        chain = self.model._default_manager.filter(root=OuterRef("root"))
        left = self.model._default_manager.filter(~Exists(chain.filter(is_head=True)), root__in=roots)
        newest = left.order_by("root", "-version").distinct("root").values("pk")
        self.model._default_manager.filter(pk__in=list(newest.values_list("pk", flat=True))).update(
            is_head=True
        )
