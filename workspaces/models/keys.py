"""What lets a person or a program in: API tokens and sign-in links. Only hashes are stored."""

import hashlib
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from workspaces.models.base import TimestampedModel
from workspaces.models.people import User, Workspace
from workspaces.states import Scope


def hash_secret(secret: str) -> str:
    """The SHA-256 of a secret. A secret of 256 random bits cannot be guessed, so it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def find(self, text: str) -> "ApiToken | None":
        """The token of this text, revoked and expired ones too."""
        return self.select_related("user").filter(token_hash=hash_secret(text)).first()

    def for_list(self) -> Self:
        """Those that work or have expired, the newest first. Revoked ones are gone for their person."""
        return self.filter(revoked_at=None).select_related("workspace").order_by("-created_at", "-id")


class ApiToken(TimestampedModel):
    """A key to the API, made by `workspaces.actions.create_token`. Only its hash is stored; the text is shown once.

    It can do what its person can do at that moment, within its scope (`workspaces.tokens.scopes`), and where it is bound to
    a workspace in that one alone.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=5, choices=Scope.choices)
    workspace = models.ForeignKey(
        Workspace,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The one workspace that it opens. Empty: all of its person.",
    )
    expires_at = models.DateTimeField("expires", null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApiTokenQuerySet] = ApiTokenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="token_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class SignInLink(TimestampedModel):
    """A one-time link that signs a person in, made by `workspaces.actions.create_sign_in_link`. Only its hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user}"

    @classmethod
    def end_all_of(cls, user: User) -> None:
        """No link of this person works any more."""
        cls.objects.filter(user=user, used_at=None, expires_at__gt=timezone.now()).update(
            expires_at=timezone.now()
        )

    @classmethod
    def usable(cls, text: str, *, at: datetime) -> "SignInLink | None":
        return (
            cls.objects.select_related("user")
            .filter(token_hash=hash_secret(text), used_at=None, expires_at__gt=at)
            .first()
        )

    @classmethod
    def redeem(cls, text: str) -> User | None:
        """Use the link and return its person; None if it is unknown, used or too old."""
        at = timezone.now()
        link = cls.usable(text, at=at)
        if link is None or not cls.objects.filter(pk=link.pk, used_at=None).update(used_at=at):
            return None
        return link.user
