"""A file that waits between its upload and its import, while a person looks at what it would change."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from templates_app.states import EntryKind
from workspaces.models import OwnedModel, User, Workspace, WorkspaceQuerySet

LIFETIME = timedelta(hours=2)
MOST_OF_A_PERSON = 20


class ImportFileQuerySet(WorkspaceQuerySet):
    def uploaded_by(self, user: Any) -> Self:
        """The files that this person has uploaded and may still import. Nobody else sees them."""
        return self.editable_by(user).filter(created_by=user.pk, expires_at__gt=timezone.now())


class ImportFile(OwnedModel):
    """The bytes as they were uploaded. They are checked again when they are imported, and deleted afterwards."""

    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    name = models.CharField(max_length=200)
    # The sheet of a workbook, by its name or number. Empty: the first one with values.
    sheet = models.CharField(max_length=100, blank=True)
    content = models.BinaryField()
    expires_at = models.DateTimeField()
    imported_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)

    objects: ClassVar[ImportFileQuerySet] = ImportFileQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "import_files"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=EntryKind.values), name="import_file_kind"),
        ]
        indexes = [models.Index(fields=["created_by", "-created_at"], name="import_file_newest")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def store(
        cls, content: bytes, *, kind: EntryKind, name: str, workspace: Workspace, by: User, sheet: str = ""
    ) -> "ImportFile":
        """Store a file for two hours (`LIFETIME`). Deletes expired files, and all but this person's newest 20."""
        stored = cls.objects.create(
            workspace=workspace,
            created_by=by,
            kind=kind,
            name=name[:200],
            sheet=sheet,
            content=content,
            expires_at=timezone.now() + LIFETIME,
        )
        newest = cls.objects.filter(created_by=by).order_by("-created_at").values("pk")[:MOST_OF_A_PERSON]
        cls.objects.filter(Q(expires_at__lte=timezone.now()) | Q(created_by=by) & ~Q(pk__in=newest)).delete()
        return stored

    def mark_imported(self, outcome: str) -> bool:
        """Note the import, and return whether this call was the first. The caller owns the transaction."""
        rows = ImportFile.objects.filter(pk=self.pk, imported_at=None)
        return bool(rows.update(imported_at=timezone.now(), outcome=outcome, content=b""))
