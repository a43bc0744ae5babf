"""The audit log: what people did."""

import uuid
from collections.abc import Collection
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from workspaces.models.base import ClockTimestamp
from workspaces.models.people import Workspace, WorkspaceQuerySet
from workspaces.states import Action, Channel, TargetKind, list_actions, list_kinds

NEWEST_FIRST = (models.F("created_at").desc(), models.F("id").desc())


class AuditEntryQuerySet(WorkspaceQuerySet):
    def of_targets(self, kind: TargetKind, targets: Collection[uuid.UUID]) -> Self:
        """The history of these targets together, newest first."""
        return self.filter(target_kind=kind, target_id__in=targets).order_by("-id")

    def older_than(self, entry: "AuditEntry") -> Self:
        """Those that come after this one in the order `NEWEST_FIRST`."""
        at = entry.created_at
        return self.filter(models.Q(created_at__lt=at) | models.Q(pk__lt=entry.pk), created_at__lte=at)


class AuditEntry(models.Model):
    """What a person did: written by `workspaces.audit.record` in the transaction of the change, and never changed.

    A trigger refuses to change or delete an entry. When a person is deleted, only `who` is emptied; the name stays. The
    target is named without a foreign key, so that its history does not keep a row from being deleted.
    """

    id = models.BigAutoField(primary_key=True)
    # Empty for targets that belong to no workspace, such as the model table and a sign-in of nobody. What concerns one
    # person (API tokens, sign-in links, sign-ins) is in the personal workspace.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # Not indexed: only the deletion of a person looks for it, which is rare.
    who = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    who_name = models.CharField(
        "name", max_length=254, help_text="E-mail address or user name at that time; “system” for nobody."
    )
    # Where from: empty in entries of before this was recorded. The system has no address.
    channel = models.CharField("through", max_length=10, choices=Channel.choices, blank=True, db_default="")
    address = models.GenericIPAddressField(null=True, blank=True)
    token_name = models.CharField(
        "API token", max_length=100, blank=True, db_default="", help_text="The name of the token of the call."
    )
    action = models.CharField(max_length=40, choices=list_actions)
    target_kind = models.CharField("kind of target", max_length=20, choices=list_kinds)
    target_id = models.UUIDField("target", null=True, blank=True)
    target_name = models.CharField("name of target", max_length=200, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField("when", db_default=ClockTimestamp(), editable=False)

    objects: ClassVar[AuditEntryQuerySet] = AuditEntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "audit_log"
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        ordering = ["-id"]
        constraints = [
            # There is no constraint with the list of actions: each new action would make PostgreSQL check the whole table again.
            models.CheckConstraint(condition=models.Q(action__regex=r"^[a-z_]+$"), name="audit_action"),
            models.CheckConstraint(condition=models.Q(target_kind__regex=r"^[a-z_]+$"), name="audit_kind"),
            models.CheckConstraint(condition=~models.Q(who_name=""), name="audit_who_name"),
        ]
        indexes = [
            models.Index("workspace", *NEWEST_FIRST, name="audit_newest"),
            models.Index("workspace", "action", *NEWEST_FIRST, name="audit_of_action"),
            # The bound of failed sign-ins counts those of the last hour.
            models.Index(
                "created_at", condition=models.Q(action=Action.FAIL_SIGN_IN), name="audit_failed_sign_ins"
            ),
            models.Index("target_kind", "target_id", models.F("id").desc(), name="audit_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.who_name}: {self.get_action_display()} {self.target_name}".strip()
