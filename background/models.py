"""Background jobs: long work of a workspace that asks Claude nothing, such as scoring all its conversations again."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from background.kinds import End, describe_steps, find_kind
from background.states import OPEN, JobState
from workspaces.models import KeyedRequest, Membership, OwnedModel, User, WorkspaceQuerySet

UNNOTICED = Q(status__in=[JobState.COMPLETED, JobState.FAILED], noticed=False)


class BackgroundJobQuerySet(WorkspaceQuerySet):
    def for_lists(self) -> Self:
        """The newest first, without the columns that can be large."""
        return self.defer("parameters", "place").select_related("created_by").order_by("-created_at", "-id")

    def get_cancellable_or_403(self, user: Any, pk: UUID) -> "BackgroundJob":
        """The job, to be cancelled by whoever started it or by an editor. Raises Http404 and PermissionDenied."""
        found: BackgroundJob = self.get_visible_or_404(user, pk)
        if not found.may_be_cancelled_by(user):
            raise PermissionDenied
        return found


class BackgroundJob(OwnedModel):
    """`created_by` has started it, and it may do no more than that person may.

    A running job belongs to the worker whose claim has `token`, until `lease_until`. `place` is where its kind goes on; it
    is stored with the work itself, in one transaction, so that no step is done twice and none is left out.
    """

    by_system = models.BooleanField(
        default=False, db_default=False, help_text="No person has started it, so nobody's role bounds it."
    )
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200, help_text="What it does, for people.")
    parameters = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    total = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many there are to do; empty: not known."
    )
    done = models.PositiveIntegerField(default=0, db_default=0)
    place = models.JSONField(default=dict, blank=True, help_text="Where its next step begins.")
    result = models.JSONField(default=dict, blank=True, help_text="Numbers and short words, by their names.")
    error = models.TextField(blank=True, db_default="")

    token = models.UUIDField(null=True, blank=True)
    worker = models.UUIDField(null=True, blank=True, help_text="The worker that has claimed it last.")
    lease_until = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    run_after = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often it broke off without having done a step since."
    )
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    noticed = models.BooleanField(
        default=False,
        db_default=False,
        help_text="People were told of its end. A cancelled one is not told of.",
    )

    objects: ClassVar[BackgroundJobQuerySet] = BackgroundJobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "background_jobs"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=JobState.values), name="background_status"),
            models.CheckConstraint(condition=Q(kind__regex=r"^[a-z_]+$"), name="background_kind"),
            models.CheckConstraint(
                condition=~Q(status=JobState.RUNNING) | Q(token__isnull=False, lease_until__isnull=False),
                name="background_lease",
            ),
        ]
        indexes = [
            models.Index("workspace", F("created_at").desc(), F("id").desc(), name="background_newest"),
            models.Index(fields=["claimed_at"], condition=Q(status__in=sorted(OPEN)), name="background_open"),
            models.Index(fields=["id"], condition=UNNOTICED, name="background_unnoticed"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("background_job", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def percent(self) -> int | None:
        """From 0 to 100; None while it is not known how many there are to do. One that has ended well has nothing left."""
        if self.status == JobState.COMPLETED or self.total == 0:
            return 100
        return None if self.total is None else min(100, 100 * self.done // self.total)

    @property
    def progress(self) -> str:
        """How far it is, for people: what it counts where a person would count the same, else percent."""
        kind = find_kind(self.kind)
        if kind and kind.in_percent:
            return "—" if self.percent is None else f"{self.percent}%"
        return f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"

    def describe_end(self) -> End:
        """What came of it, for people, once it is completed."""
        kind = find_kind(self.kind)
        return (kind.describe if kind else describe_steps)(self.result, self.done)

    @property
    def page_url(self) -> str | None:
        """The page where people see what came of it; None where it is only its own."""
        kind = find_kind(self.kind)
        return kind.page(self.result) if kind and kind.page else None

    def may_be_cancelled_by(self, user: User) -> bool:
        """Whether this member of its workspace may cancel it. One query, for those who did not start it."""
        return (
            self.created_by_id == user.pk
            or Membership.objects.of(user)
            .filter(workspace=self.workspace_id, role__in=Membership.EDITORS)
            .exists()
        )

    @property
    def label(self) -> str:
        """The name of its kind, for people."""
        kind = find_kind(self.kind)
        return kind.label if kind else self.kind.replace("_", " ").capitalize()


class JobRequest(KeyedRequest):
    """A request of a program that started a background job, with its Idempotency-Key."""

    job = models.ForeignKey(BackgroundJob, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        db_table = "job_requests"
        constraints = [models.UniqueConstraint(fields=["created_by", "key"], name="job_request_once")]
