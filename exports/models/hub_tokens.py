"""The token by which a workspace pushes exports to the Hub of Hugging Face."""

from typing import ClassVar

from django.db import models

from lib.encryption import decrypt
from workspaces.models import OwnedModel, WorkspaceQuerySet


class HubToken(OwnedModel):
    """One for each workspace. It is stored encrypted and never shown; `created_by` has entered it."""

    encrypted_key = models.TextField(help_text="The token, encrypted.")

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "hub_tokens"
        verbose_name = "token of the Hub"
        verbose_name_plural = "tokens of the Hub"
        constraints = [models.UniqueConstraint(fields=["workspace"], name="hub_token_once")]

    def __str__(self) -> str:
        return "the token of the Hub"

    def read(self) -> str:
        """The token. Raises UnknownEncryptionKey."""
        return decrypt(self.encrypted_key).decode()
