"""An export: which conversations go into which files, and what those files hold. Once it is written it never changes."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from background.models import BackgroundJob
from background.states import JobState
from exports.formats import FORMATS
from exports.models.states import ExportState
from workspaces.models import OwnedModel, WorkspaceQuerySet

LONGEST_NAME = 100  # characters
LONGEST_PURPOSE = 1_000
LARGEST_SEED = 2**31 - 1
MOST_SET_ASIDE = 90  # percent for validation and test together
LARGE = ("filter", "chosen", "counts", "report", "manifest")


class ExportQuerySet(WorkspaceQuerySet):
    def for_lists(self) -> Self:
        """The newest first, without the columns that can be large."""
        related = self.select_related("created_by", "job").defer(*LARGE, "job__parameters", "job__result")
        return related.order_by("-created_at", "-id")

    def frozen_in(self, workspace: UUID) -> Self:
        """Those of a workspace that another export can go on from."""
        return self.filter(workspace=workspace, frozen_at__isnull=False)

    def written(self) -> Self:
        """Those with files that are there."""
        return self.filter(finished_at__isnull=False, removed_at=None, deleted_at=None)


class Export(OwnedModel):
    """`filter` is a query string of the list of conversations; `chosen` are the keys of ticked ones, or null.

    `counts` is made when the conversations are frozen, `report` by the check before the files, `files` and `manifest` with them.
    """

    name = models.CharField(max_length=LONGEST_NAME)
    purpose = models.TextField(blank=True, help_text="What the files are for.")
    format = models.CharField(max_length=40)
    options = models.JSONField(default=dict, blank=True, help_text="system, metadata, train_flags.")
    token_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="The longest conversation that the trainer takes, in tokens."
    )

    filter = models.TextField(blank=True)
    chosen = models.JSONField(null=True, blank=True)
    approved_only = models.BooleanField(default=True, db_default=True)
    simulated = models.BooleanField(
        default=False, db_default=False, help_text="Whether the simulator's conversations may be in it."
    )
    since = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="Only what was not in this export, nor in those that it went on from.",
    )

    validation_percent = models.PositiveSmallIntegerField(default=0)
    test_percent = models.PositiveSmallIntegerField(default=0)
    seed = models.PositiveIntegerField(default=0)
    most_per_cell = models.PositiveIntegerField(
        null=True, blank=True, help_text="The most conversations of one tier and persona."
    )

    job = models.ForeignKey(
        BackgroundJob, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    frozen_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    files = models.JSONField(
        default=list, blank=True, help_text="name, split, rows, bytes and sha256 of each."
    )
    size = models.PositiveBigIntegerField(default=0, help_text="In bytes, all files together.")
    manifest = models.JSONField(default=dict, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_why = models.TextField(blank=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="A person has deleted it: its files are gone, this row stays."
    )
    push_job = models.ForeignKey(
        BackgroundJob, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    pushed = models.JSONField(
        null=True,
        blank=True,
        help_text="Where it was pushed to last: repository, public, url, commit, commit_url.",
    )

    objects: ClassVar[ExportQuerySet] = ExportQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "exports"
        constraints = [
            models.CheckConstraint(condition=Q(format__regex=r"^[a-z_]+$"), name="export_format"),
            models.CheckConstraint(
                condition=Q(validation_percent__lte=MOST_SET_ASIDE - F("test_percent")), name="export_shares"
            ),
            models.CheckConstraint(condition=Q(seed__lte=LARGEST_SEED), name="export_seed"),
            models.CheckConstraint(
                condition=Q(most_per_cell__isnull=True) | Q(most_per_cell__gte=1), name="export_cell"
            ),
            models.CheckConstraint(condition=~Q(since=F("id")), name="export_since"),
        ]
        indexes = [
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="export_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("export", args=[self.pk])

    @property
    def state(self) -> ExportState:
        """What people are told. A job that writes the files again counts before the files of the last time."""
        job = self.job
        if self.deleted_at is not None:
            return ExportState.DELETED
        if job is not None and job.is_open:
            return ExportState.RUNNING if job.status == JobState.RUNNING else ExportState.QUEUED
        if self.removed_at is not None:
            return ExportState.REMOVED
        if self.finished_at is not None:
            return ExportState.COMPLETED
        if job is None or job.status == JobState.FAILED:
            return ExportState.FAILED
        if job.status == JobState.CANCELLED:
            return ExportState.CANCELLED
        return ExportState.BLOCKED if self.is_blocked else ExportState.CHECKED

    @property
    def format_label(self) -> str:
        found = FORMATS.get(self.format)
        return found.label if found else self.format

    @property
    def is_blocked(self) -> bool:
        """Whether the check found something that breaks a trainer."""
        return bool(self.report.get("blocked"))

    @property
    def is_open(self) -> bool:
        return self.state in (ExportState.QUEUED, ExportState.RUNNING)

    @property
    def has_files(self) -> bool:
        return self.finished_at is not None and self.removed_at is None and self.deleted_at is None

    @property
    def is_being_pushed(self) -> bool:
        return self.push_job is not None and self.push_job.is_open

    @property
    def item_count(self) -> int:
        """How many conversations or pairs were frozen."""
        found: Any = self.counts.get("items", 0)
        return int(found)
