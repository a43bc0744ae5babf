"""Notices that a batch or a background job has ended or waits for a person, and the webhooks that they are sent to."""

import base64
import hashlib
import hmac
from typing import ClassVar, Self
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from lib.encryption import decrypt
from workspaces.models import OwnedModel, TimestampedModel, WorkspaceQuerySet

HIDDEN = "…"  # stands for what is not shown of an address


class DeliveryState(models.TextChoices):
    NONE = "none", "shown on the pages only"
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up", "given up"


class NoticeQuerySet(WorkspaceQuerySet):
    def with_job(self) -> Self:
        """With the batch or the background job that each is about, without the columns that can be large."""
        large = ("background__parameters", "background__place")
        return self.select_related("job", "background").defer(*large)


class Notice(OwnedModel):
    """One change of one batch, or the end of one background job. `status` and `reason` are those of that moment.

    Of a background job `completed_items` were done and `failed_items` left out, and `reason` is that of its `End`.
    """

    job = models.ForeignKey(
        "batches.BatchJob",
        on_delete=models.CASCADE,
        related_name="notices",
        db_index=False,
        null=True,
        blank=True,
    )
    background = models.ForeignKey(
        "background.BackgroundJob",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        null=True,
        blank=True,
    )
    status = models.CharField(max_length=10)
    reason = models.CharField(max_length=20, blank=True)
    completed_items = models.PositiveIntegerField(default=0)
    failed_items = models.PositiveIntegerField(default=0)
    total_items = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(null=True, blank=True)

    delivery = models.CharField(
        max_length=9, choices=DeliveryState.choices, default=DeliveryState.NONE, db_default=DeliveryState.NONE
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    delivery_error = models.TextField(blank=True, default="", db_default="")

    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "notices"
        constraints = [
            models.CheckConstraint(
                condition=Q(job__isnull=False, background__isnull=True)
                | Q(job__isnull=True, background__isnull=False),
                name="notice_about_one",
            ),
            models.CheckConstraint(condition=Q(delivery__in=DeliveryState.values), name="notice_delivery"),
        ]
        indexes = [
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="notice_newest"),
            models.Index(fields=["next_at"], name="notice_due", condition=Q(delivery="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.status}"

    @property
    def name(self) -> str:
        """The name of what it is about."""
        return str(self.job or self.background)

    @property
    def target_url(self) -> str:
        """The page of what it is about, or of what came of it."""
        if self.background:
            return self.background.page_url or self.background.get_absolute_url()
        return reverse("batch", args=[self.job_id])


class Webhook(TimestampedModel):
    """The address to which a workspace has its notices sent, and the secret that signs them."""

    workspace = models.OneToOneField("workspaces.Workspace", on_delete=models.CASCADE, related_name="webhook")
    url = models.URLField(max_length=500)
    generation = models.PositiveIntegerField(default=1, help_text="Counts the secrets that it has had.")
    encrypted_key = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Empty: the secret of an earlier version, derived from SECRET_KEY until it is renewed.",
    )

    class Meta:
        db_table = "webhooks"

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """The host, with its port if it has one: the part of the address that may be logged and shown to everybody."""
        return urlsplit(self.url).netloc

    @property
    def shown_url(self) -> str:
        """The address without its query, which often holds a token of the receiver; `?…` stands for it."""
        parts = urlsplit(self.url)
        hidden = f"?{HIDDEN}" if parts.query or parts.fragment else ""
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")) + hidden

    def key(self) -> bytes:
        """The bytes that sign notices. Raises UnknownEncryptionKey."""
        if self.encrypted_key:
            return decrypt(self.encrypted_key)
        named = f"webhook:{self.workspace_id}:{self.generation}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), named, hashlib.sha256).digest()

    def secret(self) -> str:
        """The key as the receiver enters it, in the form of Standard Webhooks: `whsec_` and base64."""
        return "whsec_" + base64.b64encode(self.key()).decode()
