"""People, their workspaces, and the base class of every table whose rows belong to a workspace."""

import uuid
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Self

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models.functions import Cast, Concat, Replace
from django.http import Http404
from django.utils.module_loading import import_string

from workspaces.isolation.reach import ask_once, include
from workspaces.models.base import ClockTimestamp, TimestampedModel
from workspaces.states import Authorisation

OWN_KEY = "own_"  # how the name of a key begins that an owner has entered for this workspace alone


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    # Not stored, of this request alone: the one workspace that the token opens, and the one chosen for this session.
    bound_to: uuid.UUID | None = None
    works_in: uuid.UUID | None = None

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new person gets the personal workspace in the same transaction, however the person is made."""
        if not self._state.adding:
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._make_personal_workspace()

    def _make_personal_workspace(self) -> None:
        workspace = Workspace.objects.create(name=f"{self.username}'s workspace", personal_of=self)
        Membership.objects.create(workspace=workspace, user=self, role=Membership.Role.OWNER)
        workspace.furnish()

    def personal_workspace(self) -> "Workspace":
        """The workspace for this person's own jobs. Raises PermissionDenied where the person no longer owns it."""
        found = Workspace.objects.filter(
            personal_of=self, membership__user=self, membership__role=Membership.Role.OWNER
        ).first()
        if found is None:
            raise PermissionDenied(f"{self.username} no longer owns the personal workspace of that name.")
        return found

    def working_workspace(self, roles: Collection[str] | None = None) -> "Workspace":
        """Where what this person makes now goes: the token's workspace, or the one chosen for this session, else the personal one.

        A chosen one where the role is none of `roles` (the editors') is passed over. Raises PermissionDenied for a token's one.
        """
        wanted = self.bound_to or self.works_in
        if wanted is not None:
            mine = {"membership__user": self, "membership__role__in": roles or Membership.EDITORS}
            found = Workspace.objects.filter(pk=wanted, **mine).first()
            if found is not None:
                return found
        if self.bound_to is not None:
            raise PermissionDenied
        return self.personal_workspace()


class Workspace(TimestampedModel):
    name = models.CharField(max_length=200)
    personal_of = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose personal workspace it is: each person has one. Empty: a workspace that people share.",
    )
    id_prefix = models.CharField(
        max_length=10, default="fp", help_text="First part of every conversation's human id."
    )
    monthly_budget_usd = models.DecimalField(
        max_digits=18,
        decimal_places=9,
        null=True,
        blank=True,
        help_text="The most that may be spent in a month (UTC). Empty: no limit but each batch's own.",
    )
    provider_key = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        help_text="The name of a key of its own: research for ANTHROPIC_API_KEY_RESEARCH. Empty: the installation's key.",
    )
    revision_below = models.DecimalField(
        "needs revision below",
        max_digits=3,
        decimal_places=1,
        default=Decimal("6.0"),
        db_default=Decimal("6.0"),
        help_text="A new conversation with a lower score needs revision.",
    )
    review_below = models.DecimalField(
        "needs review below",
        max_digits=3,
        decimal_places=1,
        default=Decimal("8.0"),
        db_default=Decimal("8.0"),
        help_text="A new conversation with a lower score is pending review.",
    )
    deleted_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Nobody is a member any more, and its content is removed. What was paid stays.",
    )
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="workspaces"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id_prefix__regex=r"^[a-z][a-z0-9]{0,9}$"), name="workspace_id_prefix"
            ),
            models.CheckConstraint(
                condition=models.Q(monthly_budget_usd__isnull=True) | models.Q(monthly_budget_usd__gte=0),
                name="workspace_monthly_budget",
            ),
            models.CheckConstraint(
                condition=models.Q(provider_key__regex=r"^[a-z0-9_]{0,40}$"), name="workspace_provider_key"
            ),
            # Nobody, not even in the admin, has a workspace spend on the own key of another one.
            models.CheckConstraint(
                condition=~models.Q(provider_key__startswith=OWN_KEY)
                | models.Q(
                    provider_key=Concat(
                        models.Value(OWN_KEY),
                        Replace(Cast("id", models.CharField()), models.Value("-"), models.Value("")),
                    )
                ),
                name="workspace_own_key",
                violation_error_message="The own key of another workspace cannot be used here.",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    revision_below__gte=0, revision_below__lte=models.F("review_below"), review_below__lte=10
                ),
                name="workspace_thresholds",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def furnish(self) -> None:
        """Fill a new workspace with what every one begins with, such as the starter pack."""
        include(self.pk)
        for path in settings.FURNISH_WORKSPACE:
            import_string(path)(self)

    def intended_use(self) -> "UseStatement | None":
        """The newest statement of this workspace about its use of Claude's outputs."""
        return UseStatement.objects.filter(workspace=self).order_by("-created_at", "-id").first()


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, user: Any) -> Self:
        """Where this person may do something now: in every workspace of theirs, or with a bound token in that one alone.

        Every question for a person's role begins with it. Nobody who is not signed in has one.
        """
        if user is None or not user.is_authenticated:
            return self.none()
        rows = self.filter(user=user)
        return rows if user.bound_to is None else rows.filter(workspace=user.bound_to)

    def owners(self) -> Self:
        return self.filter(role=Membership.Role.OWNER)

    def open_to_links_of(self, owner: User) -> Self:
        """The members for whom this owner of their workspace may make a sign-in link, with which anybody signs in as them.

        Only accounts that an owner of the workspace made, while they have no password and open nothing that this owner does not
        own. For any other account a link would be a way into somebody else's workspaces: those links the operator makes.
        """
        owned = Membership.objects.of(owner).owners().values("workspace")
        elsewhere = Membership.objects.exclude(workspace__in=owned).exclude(
            workspace__personal_of=models.F("user")
        )
        own_account = {"user__is_active": True, "user__is_staff": False, "user__is_superuser": False}
        without_password = {"user__password__startswith": UNUSABLE_PASSWORD_PREFIX}
        rows = self.filter(invited=True, workspace__in=owned, **own_account, **without_password)
        return rows.exclude(user=owner).exclude(user__in=elsewhere.values("user"))


class Membership(TimestampedModel):
    class Role(models.TextChoices):
        OWNER = "owner"
        EDITOR = "editor"
        REVIEWER = "reviewer"
        VIEWER = "viewer"

    # Editors may spend money and change rows. Reviewers may decide on conversations.
    EDITORS = (Role.OWNER, Role.EDITOR)
    REVIEWERS = (Role.OWNER, Role.EDITOR, Role.REVIEWER)

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.EDITOR)
    # An owner of this workspace made the account, and may give it sign-in links until it has a password.
    invited = models.BooleanField(default=False, db_default=False, editable=False)

    objects: ClassVar[MembershipQuerySet] = MembershipQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "editor", "reviewer", "viewer"]), name="membership_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class Place(NamedTuple):
    """A workspace in which a person may do something now: its key, the person's role in it, and its name."""

    workspace: uuid.UUID
    role: str
    name: str


def list_places(user: Any) -> Sequence[Place]:
    """All of them, those of `Membership.objects.of`; asked once in a request."""
    if user is None or not user.is_authenticated:
        return ()
    rows = Membership.objects.of(user).values_list("workspace", "role", "workspace__name")
    return ask_once(("places", user.pk, user.bound_to), lambda: [Place(*row) for row in rows])


class WorkspaceQuerySet(models.QuerySet[Any]):
    """Rows of workspaces. Every query of a page or of the API starts with `visible_to` or `editable_by`."""

    # The workspaces that the rows are limited to; None: nobody has said.
    within: Collection[uuid.UUID] | None = None

    def visible_to(self, user: Any) -> Self:
        return self._with_role(user, Membership.Role.values)

    def editable_by(self, user: Any) -> Self:
        return self._with_role(user, Membership.EDITORS)

    def reviewable_by(self, user: Any) -> Self:
        return self._with_role(user, Membership.REVIEWERS)

    def get_visible_or_404(self, user: Any, pk: uuid.UUID | str) -> Any:
        """The row with this id. Raises Http404 when there is none, when it is somebody else's, or when it is no id."""
        try:
            return self.visible_to(user).get(pk=pk)
        except (self.model.DoesNotExist, ValidationError) as missing:
            raise Http404 from missing

    def get_editable_or_403(self, user: Any, pk: uuid.UUID | str) -> Any:
        """The same, to be changed. Raises PermissionDenied when this person may see the row but not change it."""
        return self._get_or_403(user, pk, self.editable_by(user))

    def get_reviewable_or_403(self, user: Any, pk: uuid.UUID | str) -> Any:
        """The same, to be decided about. Raises PermissionDenied when this person may only look."""
        return self._get_or_403(user, pk, self.reviewable_by(user))

    def _get_or_403(self, user: Any, pk: uuid.UUID | str, allowed: Self) -> Any:
        found = self.get_visible_or_404(user, pk)
        if not allowed.contains(found):
            raise PermissionDenied
        return found

    def _with_role(self, user: Any, roles: Any) -> Self:
        # A list of ids instead of a join tells the planner how selective it is. One person has few workspaces.
        mine = [each.workspace for each in list_places(user) if each.role in roles]
        found = self.filter(workspace_id__in=mine)
        found.within = mine
        return found

    def _clone(self) -> Self:
        made = super()._clone()  # type: ignore[misc]
        made.within = self.within
        return made  # type: ignore[no-any-return]


class OwnedModel(TimestampedModel):
    """A row that belongs to a workspace. `created_by` tells who made it, and has no effect on who may see it."""

    # These columns need no index of their own: the index of a list begins with the workspace, and no query uses the maker.
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        db_index=False,
    )

    class Meta:
        abstract = True


class UseStatement(OwnedModel):
    """The use that a workspace makes of its conversations, and its ground. Append-only: the newest statement counts."""

    purpose = models.TextField(help_text="What the trained model will do, and for whom.")
    authorisation = models.CharField(max_length=12, choices=Authorisation.choices)
    reference = models.CharField(
        max_length=500, blank=True, help_text="Where the permission or licence is written down."
    )

    objects: ClassVar[WorkspaceQuerySet] = WorkspaceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "use_statements"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(authorisation__in=Authorisation.values), name="use_authorisation"
            ),
            models.CheckConstraint(condition=~models.Q(purpose=""), name="use_purpose"),
        ]
        indexes = [
            models.Index("workspace", models.F("created_at").desc(), name="use_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_authorisation_display()}"
