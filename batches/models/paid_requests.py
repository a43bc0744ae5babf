"""Requests that cost money. Each is carried out once, however often it is sent."""

from dataclasses import dataclass
from typing import ClassVar

from django.db import models

from batches.models.jobs import LONGEST_KEY, BatchJob
from workspaces.isolation.reach import reach_all
from workspaces.models import OwnedModel, User, WorkspaceQuerySet


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """The Idempotency-Key of a request, with what the request asks.

    `body_hash` is the SHA-256 of its body. What is empty is bound to nothing: a request of an earlier version, or one that
    came from no address.
    """

    key: str
    method: str = ""
    path: str = ""
    body_hash: str = ""


class KeyUsed(ValueError):
    """The key was sent before, with another request. Answered as HTTP 409."""

    def __init__(self, earlier: "PaidRequest", sent: RequestKey) -> None:
        if (earlier.method, earlier.path) == (sent.method, sent.path):
            what = "another body"
        else:
            what = f"another request ({f'{earlier.method} {earlier.path}'.strip()})"
        super().__init__(f"This Idempotency-Key was sent before with {what}. Send another key.")
        self.earlier = earlier


class PaidRequestQuerySet(WorkspaceQuerySet):
    def find_earlier(self, by: User | None, sent: RequestKey | None) -> "PaidRequest | None":
        """What this person has sent with this key before, None for a new key.

        Raises Http404 when it belongs to a workspace that the person can no longer see, KeyUsed when it was another request.
        """
        rows = self.filter(created_by=by, key=sent.key) if by and sent else self.none()
        with reach_all():  # a key stays used where the person can no longer see what it led to
            found: PaidRequest | None = rows.select_related("job").first()
        if found is None or sent is None:
            return None
        self.get_visible_or_404(by, found.pk)
        if not found.asks_the_same_as(sent):
            raise KeyUsed(found, sent)
        return found

    def remember(self, job: BatchJob, *, by: User | None, sent: RequestKey | None) -> "PaidRequest | None":
        """A row for a request that is about to be carried out, in its transaction. Raises IntegrityError for a used key."""
        if by is None or sent is None:
            return None
        made: PaidRequest = self.create(
            workspace_id=job.workspace_id,
            job=job,
            created_by=by,
            key=sent.key,
            method=sent.method,
            path=sent.path,
            body_hash=sent.body_hash,
        )
        return made


class PaidRequest(OwnedModel):
    """A start, a copy or a retry that was carried out, with the key that it came with."""

    job = models.ForeignKey(BatchJob, on_delete=models.CASCADE, related_name="paid_requests", db_index=False)
    key = models.CharField(max_length=LONGEST_KEY, help_text="The Idempotency-Key that it came with.")
    method = models.CharField(max_length=10, blank=True, db_default="")
    path = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="Empty: of an earlier version, bound to no address.",
    )
    body_hash = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The SHA-256 of its body."
    )
    items = models.PositiveIntegerField(default=0, help_text="How many items went back into the queue.")

    objects: ClassVar[PaidRequestQuerySet] = PaidRequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "paid_requests"
        constraints = [models.UniqueConstraint(fields=["created_by", "key"], name="paid_request_once")]

    def __str__(self) -> str:
        return f"{self.key}, {self.items} items"

    def asks_the_same_as(self, sent: RequestKey) -> bool:
        """Whether it is the same request. What one of them leaves empty is not compared."""
        pairs = ((self.method, sent.method), (self.path, sent.path), (self.body_hash, sent.body_hash))
        return all(mine == theirs for mine, theirs in pairs if mine and theirs)
