"""A file of conversations or of reviews, from its upload until its job has read it, and then what came of it."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import F, Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from background.models import BackgroundJob
from workspaces.models import OwnedModel, User, Workspace, WorkspaceQuerySet

LIFETIME = timedelta(hours=2)
PART = 10_000_000  # bytes of a file in one statement
MOST_OF_A_PERSON = 10  # files that wait
MOST_FORGOTTEN = 20  # files of jobs that were cancelled or have failed, at each upload


class FileKind(models.TextChoices):
    CONVERSATIONS = "conversations"
    REVIEWS = "reviews"


class ImportedFileQuerySet(WorkspaceQuerySet):
    def waiting(self) -> Self:
        """Uploaded and not imported yet."""
        return self.filter(job=None, expires_at__gt=timezone.now())

    def uploaded_by(self, user: Any) -> Self:
        """This person's own, waiting or imported. Nobody else sees them."""
        shown = Q(job__isnull=False) | Q(expires_at__gt=timezone.now())
        return self.visible_to(user).filter(shown, created_by=user.pk)


class ImportedFile(OwnedModel):
    """`content` is the bytes as they were uploaded; they are deleted when the job has ended. The report stays.

    `choices`: what the person chose, see `exports.importing.choices`. `floors`: by slug the first number that an id of
    this file may keep.
    """

    kind = models.CharField(max_length=13, choices=FileKind.choices)
    name = models.CharField(max_length=200)
    sheet = models.CharField(max_length=100, blank=True)
    content = models.BinaryField()
    size = models.PositiveIntegerField(default=0)
    choices = models.JSONField(default=dict, blank=True)
    report = models.JSONField(default=dict, blank=True)
    floors = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField()
    job = models.OneToOneField(
        BackgroundJob, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[ImportedFileQuerySet] = ImportedFileQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "imported_files"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FileKind.values), name="imported_file_kind"),
        ]
        indexes = [
            models.Index("created_by", F("created_at").desc(), name="imported_file_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("import_file", args=[self.pk])

    @classmethod
    def store(
        cls, content: bytes, *, kind: FileKind, workspace: Workspace, by: User | None, **given: Any
    ) -> "ImportedFile":
        """Store a file for two hours (`LIFETIME`). Deletes those that have expired, and all but the person's newest 10.

        `given`: name, sheet, choices and report. What a job reads, or has read, is not deleted.
        """
        given["name"] = given["name"][:200]
        stored = cls(
            workspace=workspace,
            created_by=by,
            kind=kind,
            size=len(content),
            expires_at=timezone.now() + LIFETIME,
            **given,
        )
        stored._save_with(content)
        waiting = cls.objects.filter(job=None)
        newest = waiting.filter(created_by=by).order_by("-created_at").values("pk")[:MOST_OF_A_PERSON]
        too_many = Q(created_by=by) & ~Q(pk__in=list(newest.values_list("pk", flat=True)))
        waiting.filter(Q(expires_at__lte=timezone.now()) | too_many).delete()
        for ended in cls.objects.filter(job__ended_at__isnull=False).exclude(content=b"")[:MOST_FORGOTTEN]:
            ended.forget_texts()
        return stored

    def _save_with(self, content: bytes) -> None:
        """A statement holds its parameters three times, in hexadecimal: a file of 20 MB in one would take 120 MB of memory."""
        with transaction.atomic():
            self.content = content[:PART]
            self.save(force_insert=True)
            for start in range(PART, len(content), PART):
                longer = Func(
                    F("content"),
                    Value(content[start : start + PART]),
                    template="%(expressions)s",
                    arg_joiner=" || ",
                )
                ImportedFile.objects.filter(pk=self.pk).update(content=longer)
        self.content = content

    def forget_texts(self) -> None:
        """Delete what holds texts of conversations: they may be deleted for good, and then nothing of them may be left."""
        self.content = b""
        self.report.pop("preview", None)
        ImportedFile.objects.filter(pk=self.pk).update(content=b"", report=self.report)
