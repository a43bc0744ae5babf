"""What lets a person or a program in: API tokens and sign-in links. Only hashes are stored."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from workspaces.models.base import TimestampedModel
from workspaces.models.people import User


def hash_secret(secret: str) -> str:
    """The SHA-256 of a secret. A secret of 256 random bits cannot be guessed, so it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(TimestampedModel):
    """A key to the API, made by `workspaces.actions.create_token`. Only its hash is stored; the text is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class SignInLink(TimestampedModel):
    """A one-time link that signs a person in, made by `workspaces.actions.create_sign_in_link`. Only its hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user}"

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
