"""A file between its upload and the moment when a person has seen what it would change and says yes."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from templates_app.states import RowKind
from workspaces.models import OwnedModel, User, Workspace, WorkspaceQuerySet

LIFETIME = timedelta(hours=2)
MOST_OF_A_PERSON = 20


class ImportFileQuerySet(WorkspaceQuerySet):
    def of(self, user: Any) -> Self:
        """The files that this person has uploaded and may still import: nobody else sees them."""
        return self.editable_by(user).filter(created_by=user.pk, expires_at__gt=timezone.now())


class ImportFile(OwnedModel):
    """The bytes as they came; they are read and checked again when they are imported. Once imported they are gone."""

    kind = models.CharField(max_length=10, choices=RowKind.choices)
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    expires_at = models.DateTimeField()
    imported_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)

    objects: ClassVar[ImportFileQuerySet] = ImportFileQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "import_files"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=RowKind.values), name="import_file_kind"),
        ]
        indexes = [models.Index(fields=["created_by", "-created_at"], name="import_file_newest")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def keep(
        cls, content: bytes, *, kind: RowKind, name: str, workspace: Workspace, by: User
    ) -> "ImportFile":
        """Keep a file for two hours (`LIFETIME`). What has expired goes, and so do a person's files beyond the newest 20."""
        kept = cls.objects.create(
            workspace=workspace,
            created_by=by,
            kind=kind,
            name=name[:200],
            content=content,
            expires_at=timezone.now() + LIFETIME,
        )
        newest = cls.objects.filter(created_by=by).order_by("-created_at").values("pk")[:MOST_OF_A_PERSON]
        cls.objects.filter(Q(expires_at__lte=timezone.now()) | Q(created_by=by) & ~Q(pk__in=newest)).delete()
        return kept

    def mark_imported(self, outcome: str) -> bool:
        """Only one of two presses of the button gets True. The caller owns the transaction."""
        rows = ImportFile.objects.filter(pk=self.pk, imported_at=None)
        return bool(rows.update(imported_at=timezone.now(), outcome=outcome, content=b""))
