"""Requests that are carried out once, however often they are sent: the Idempotency-Key with which each came."""

from dataclasses import dataclass
from typing import Any

from django.db import models

from workspaces.isolation.reach import reach_all
from workspaces.models.people import OwnedModel, User, WorkspaceQuerySet

LONGEST_KEY = 200  # characters


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

    def __init__(self, earlier: "KeyedRequest", sent: RequestKey) -> None:
        if (earlier.method, earlier.path) == (sent.method, sent.path):
            what = "another body"
        else:
            what = f"another request ({f'{earlier.method} {earlier.path}'.strip()})"
        super().__init__(f"This Idempotency-Key was sent before with {what}. Send another key.")
        self.earlier = earlier


class KeyedRequestQuerySet(WorkspaceQuerySet):
    def find_earlier(self, by: User | None, sent: RequestKey | None) -> Any:
        """What this person has sent with this key before, None for a new key.

        Raises Http404 when it belongs to a workspace that the person can no longer see, KeyUsed when it was another request,
        also one of another kind.
        """
        if by is None or sent is None:
            return None
        with reach_all():  # a key stays used where the person can no longer see what it led to
            found = self._find(by, sent) or self._find_of_another_kind(by, sent)
        if found is None:
            return None
        type(found)._default_manager.get_visible_or_404(by, found.pk)
        if not isinstance(found, self.model) or not found.asks_the_same_as(sent):
            raise KeyUsed(found, sent)
        return found

    def remember(self, job: Any, *, by: User | None, sent: RequestKey | None) -> Any:
        """A row for a request that is about to be carried out, in its transaction. Raises IntegrityError for a used key."""
        if by is None or sent is None:
            return None
        return self.create(
            workspace_id=job.workspace_id,
            job=job,
            created_by=by,
            key=sent.key,
            method=sent.method,
            path=sent.path,
            body_hash=sent.body_hash,
        )

    def _find(self, by: User, sent: RequestKey) -> "KeyedRequest | None":
        return self.filter(created_by=by, key=sent.key).select_related("job").first()

    def _find_of_another_kind(self, by: User, sent: RequestKey) -> "KeyedRequest | None":
        others = [kind for kind in KeyedRequest.__subclasses__() if kind is not self.model]
        return next((row for each in others if (row := each.objects.all()._find(by, sent))), None)


class KeyedRequest(OwnedModel):
    """A request that was carried out, with the key that it came with. Its kinds say which `job` it has led to."""

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

    job: Any

    objects: Any = KeyedRequestQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.key

    def asks_the_same_as(self, sent: RequestKey) -> bool:
        """Whether it is the same request. What one of them leaves empty is not compared."""
        pairs = ((self.method, sent.method), (self.path, sent.path), (self.body_hash, sent.body_hash))
        return all(mine == theirs for mine, theirs in pairs if mine and theirs)
