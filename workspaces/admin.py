"""The admin pages of people, workspaces and keys. None of them shows a secret or a hash of one."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.safestring import SafeString

from workspaces.actions import revoke_token
from workspaces.admin_base import (
    AdminPasswordChangeForm,
    LoraModelAdmin,
    LoraTabularInline,
    ReadOnlyAdmin,
    UserChangeForm,
    UserCreationForm,
    format_json,
)
from workspaces.isolation.reach import reach_all
from workspaces.members import find_reason_to_stay
from workspaces.models import ApiToken, AuditEntry, Membership, SignInLink, User, UseStatement, Workspace
from workspaces.people import get_person


def sign_in_first(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Send everybody to the product's sign-in page. A signed-in person who is not staff gets 403."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next") or resolve_url("admin:index"))


def workspaces_of(request: HttpRequest) -> QuerySet[Any]:
    """The ids of the workspaces in which this person is."""
    return Membership.objects.filter(user_id=str(request.user.pk)).values("workspace")


def colleagues_of(request: HttpRequest) -> QuerySet[Any]:
    """The ids of all people with whom this person shares a workspace, this person included."""
    return Membership.objects.filter(workspace__in=workspaces_of(request)).values("user")


def decides_members(request: HttpRequest, workspace: Workspace | None) -> bool:
    """Superusers decide who is in a workspace, and its owners. Without a workspace: whether this person owns any."""
    if request.user.is_superuser:
        return True
    owned = Membership.objects.filter(user_id=str(request.user.pk), role=Membership.Role.OWNER)
    return (owned if workspace is None else owned.filter(workspace=workspace)).exists()


admin.site.login = sign_in_first  # type: ignore[method-assign]
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, LoraModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_staff", "is_superuser", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("username", "email", "first_name", "last_name")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("groups",)
    autocomplete_fields = ()

    # Only a superuser may set these. Otherwise a person who may change users could become a superuser.
    powers = ("is_staff", "is_superuser", "groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else (*fixed, *self.powers)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only a superuser may change a superuser."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Only a superuser sets the password of somebody else: whoever knows it can sign in as that person."""
        if not request.user.is_superuser and str(request.user.pk) != id:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        return rows.filter(pk__in=colleagues_of(request))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Their name goes from the rows of every workspace, also of those that this member of staff cannot see."""
        with reach_all():
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with reach_all():
            super().delete_queryset(request, queryset)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, LoraModelAdmin):
    list_display = ("name",)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)  # a group carries permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


class MembersFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The members of a workspace, one of whom owns it."""

    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        owners = [row for row in rows if row.get("role") == Membership.Role.OWNER and not row.get("DELETE")]
        if self.has_changed() and not self.errors_of_rows() and not owners:
            raise ValidationError("A workspace needs an owner.")

    def errors_of_rows(self) -> bool:
        return any(form.errors for form in self.forms)


class MembershipInline(LoraTabularInline):
    model = Membership
    formset = MembersFormSet
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)

    def has_add_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return super().has_add_permission(request, obj) and decides_members(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return super().has_change_permission(request, obj) and decides_members(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return super().has_delete_permission(request, obj) and decides_members(request, obj)


@admin.register(Workspace)
class WorkspaceAdmin(LoraModelAdmin):
    list_display = ("name", "personal_of", "id_prefix", "created_at")
    list_select_related = ("personal_of",)
    detail_select_related = ("personal_of",)
    ordering = ("name",)
    list_filter = (("personal_of", admin.EmptyFieldListFilter),)
    search_fields = ("name",)
    readonly_fields = ("personal_of", "created_at", "updated_at")
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Workspace | None = None) -> Any:
        """Only a superuser sets the key of a workspace. Otherwise a workspace could use the key of another one."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else (*fixed, "provider_key")

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        return rows.filter(membership__user_id=request.user.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return False  # everything in the workspace would be deleted with it, or the deletion would fail


@admin.register(UseStatement)
class UseStatementAdmin(ReadOnlyAdmin):
    list_display = ("workspace", "authorisation", "created_by", "created_at")
    list_filter = ("authorisation",)
    list_select_related = ("workspace", "created_by")
    search_fields = ("workspace__name", "purpose")
    fields = ("workspace", "authorisation", "purpose", "reference", "created_by", "created_at")
    detail_select_related = ("workspace", "created_by")


@admin.register(Membership)
class MembershipAdmin(LoraModelAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "workspace__name")
    autocomplete_fields = ("user", "workspace")
    readonly_fields = ("created_at",)
    detail_select_related = ("user", "workspace")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and decides_members(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_change_permission(request, obj) and decides_members(
            request, obj.workspace if obj else None
        )

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """The last owner of a workspace stays, for superusers too."""
        if obj is not None and find_reason_to_stay(obj):
            return False
        return super().has_delete_permission(request, obj) and decides_members(
            request, obj.workspace if obj else None
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        fixed = tuple(super().get_readonly_fields(request, obj))
        return (*fixed, "user", "workspace", "role") if obj and find_reason_to_stay(obj) else fixed

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Members are put only into workspaces that this person owns. A posted id is checked too."""
        if db_field.name == "workspace" and not request.user.is_superuser:
            owner = {"membership__user_id": request.user.pk, "membership__role": Membership.Role.OWNER}
            kwargs["queryset"] = Workspace.objects.filter(**owner)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "scope", "expires_at", "last_used_at", "revoked_at", "created_at")
    list_filter = ("scope", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = (
        *("name", "user", "scope", "workspace", "expires_at", "last_used_at", "revoked_at", "created_at"),
    )
    detail_select_related = ("user", "workspace")
    actions = ("revoke",)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        return rows.filter(user__in=colleagues_of(request))

    @admin.action(description="Revoke", permissions=["move"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        """Revoke tokens for good. A person who needs access again gets a new token."""
        by = get_person(request)
        revoked = sum(revoke_token(token, by=by) for token in rows.filter(revoked_at=None))
        self.message_user(request, f"{revoked} revoked.")


@admin.register(SignInLink)
class SignInLinkAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "expires_at", "used_at")
    list_filter = (("used_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "created_at", "expires_at", "used_at")
    detail_select_related = ("user",)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        return rows.filter(user__in=colleagues_of(request))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Shows who did what. Staff see the entries of their workspaces; superusers also those that belong to none."""

    records_reads = False  # each would be a new row of the list that is read
    list_display = ("created_at", "who_name", "action", "target_kind", "target_name", "channel", "workspace")
    list_filter = ("action", "target_kind", "channel")
    list_select_related = ("workspace",)
    list_defer = ("before", "after")
    search_fields = ("who_name", "target_name", "=target_id")
    search_help_text = "A person, the name of a target, or its id"
    ordering = ("-id",)
    fields = (
        *("created_at", "who_name", "who", "channel", "token_name", "address"),
        *("action", "target_kind", "target_name", "target_id", "workspace"),
        *("before_shown", "after_shown"),
    )
    detail_select_related = ("workspace", "who")

    @admin.display(description="Before")
    def before_shown(self, entry: AuditEntry) -> SafeString:
        return format_json(entry.before)

    @admin.display(description="After")
    def after_shown(self, entry: AuditEntry) -> SafeString:
        return format_json(entry.after)
