"""The admin's base classes. Only this module imports django-unfold; without it, Django's own classes are used.

They ensure (docs/architecture.md section 7) that counts are bounded, that staff see only their own workspaces unless
they are superusers, that rows with rules are read-only, and that an action reports the rows that it skipped.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import messages
from django.contrib.admin import display
from django.core.paginator import Paginator
from django.db.models import JSONField, Model, QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lib.amounts import format_usd
from lib.stale_state import StaleState
from lib.untrusted.json_bodies import MOST_PROBLEMS, UnreadableJSON, find_problems, read_json
from workspaces.audit_log.staff_reads import record_list, record_row
from workspaces.models import Membership
from workspaces.states import ROLE_TOO_LOW

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
    from django.contrib.admin import TabularInline as _TabularInline
    from django.contrib.admin.helpers import ActionForm
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

    KitModelAdmin: TypeAlias = _ModelAdmin[Any]
    KitTabularInline: TypeAlias = _TabularInline[Any, Any]
else:
    try:
        from unfold.admin import ModelAdmin as KitModelAdmin
        from unfold.admin import TabularInline as KitTabularInline
        from unfold.forms import ActionForm, AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    except ImportError:
        from django.contrib.admin import ModelAdmin as KitModelAdmin
        from django.contrib.admin import TabularInline as KitTabularInline
        from django.contrib.admin.helpers import ActionForm
        from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
        from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

__all__ = [
    "ActionForm",
    "AdminPasswordChangeForm",
    "LoraModelAdmin",
    "LoraTabularInline",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "UserChangeForm",
    "UserCreationForm",
    "apply_verb",
    "format_json",
    "make_badge_column",
]

MOST_COUNTED = 10_000
MOST_AT_ONCE = 1_000
LONGEST_SHOWN = 20_000
NUL = "\x00"

TONES = {
    "approved": "success",
    "completed": "success",
    "succeeded": "success",
    "generated": "info",
    "processing": "info",
    "pending_review": "warning",
    "paused": "warning",
    "needs_revision": "warning",
    "unusable": "warning",
    "unknown": "warning",
    "rejected": "danger",
    "failed": "danger",
}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to ten thousand rows. To see the others, people filter the list."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        counted = rows.order_by()[:MOST_COUNTED] if isinstance(rows, QuerySet) else rows
        return counted.count() if isinstance(counted, QuerySet) else len(counted)


class BoundedJSONField(forms.JSONField):
    """JSON within the bounds of the API's bodies, without texts and numbers that cannot be stored."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            try:
                found = read_json(value.encode("utf-8", "surrogatepass"))
            except UnreadableJSON as wrong:
                raise forms.ValidationError(f"This cannot be read as JSON: {wrong}.") from wrong
            problems = islice(find_problems(found), MOST_PROBLEMS)
            if words := [f"{path}: {problem}." if path else f"{problem}." for path, problem in problems]:
                raise forms.ValidationError(words)
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is shown again after an error: what was typed. Read and written anew it might not be text any more."""
        return initial if self.disabled else InvalidJSONInput(data or "")


class LoraModelAdmin(KitModelAdmin):
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    paginator = BoundedPaginator
    # The foreign keys that a change page shows. They are fetched together with the row.
    detail_select_related: tuple[str, ...] = ()
    # The columns that a list does not load.
    list_defer: tuple[str, ...] = ()
    # Whether it is recorded who reads rows of workspaces in which they are not.
    records_reads = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if not request.user.is_superuser:
            rows = self.of_workspaces(rows, request)
        match = request.resolver_match
        if match and match.url_name and match.url_name.endswith("_change"):
            return rows.select_related(*self.detail_select_related) if self.detail_select_related else rows
        return rows.defer(*self.list_defer)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Staff see the rows of their own workspaces. For tables without a workspace only permissions count."""
        if not any(field.name == "workspace" for field in self.model._meta.fields):
            return rows
        mine = Membership.objects.filter(user_id=str(request.user.pk)).values("workspace")
        return rows.filter(workspace__in=mine)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """People can choose only what the other table's page shows them. A posted id is checked too."""
        other = self.admin_site._registry.get(db_field.remote_field.model)
        if "queryset" not in kwargs and isinstance(other, LoraModelAdmin):
            kwargs["queryset"] = other.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, JSONField):
            kwargs["form_class"] = BoundedJSONField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say so where the address held characters that were left out of it, and show the whole list."""
        if getattr(request, "text_left_out", False):
            messages.error(request, "The address held characters that cannot be searched for.")
            return HttpResponseRedirect(request.path)
        response = super().changelist_view(request, extra_context)
        shown = (getattr(response, "context_data", None) or {}).get("cl")
        if shown is not None and self.records_reads:
            record_list(request, shown.result_list, page=str(self.opts.verbose_name_plural))
        return response

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of a page, and an entry in the audit log where it belongs to a workspace of others."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and self.records_reads:
            record_row(request, found)
        return found

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Write only the edited fields. Writing the whole row could undo what a worker has written in the meantime."""
        if not change:
            super().save_model(request, obj, form, change)
        elif changed := [name for name in form.changed_data if name in form.cleaned_data]:
            fields = {field.name for field in self.model._meta.concrete_fields}
            obj.save(update_fields=[name for name in changed if name in fields])


class ReadOnlyAdmin(LoraModelAdmin):
    """Read-only pages: nobody adds, changes or deletes rows. Actions may have a permission of their own."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_move_permission(self, request: HttpRequest) -> bool:
        """The actions are for people who have the permission to change the rows."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


class LoraTabularInline(KitTabularInline):
    extra = 0


class ReadOnlyInline(LoraTabularInline):
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# --- verbs -------------------------------------------------------------------------------------------------


def apply_verb(
    request: HttpRequest,
    rows: QuerySet[Any],
    verb: Callable[[Any], object],
    *,
    allowed: QuerySet[Any],
    done: str,
    refusals: tuple[type[Exception], ...] = (StaleState,),
) -> None:
    """Apply an action to the rows, one at a time, and report the result: `3 approved, 1 skipped: ...`.

    `allowed` are the rows that this person may change; a superuser may change all. `refusals` are the exceptions with
    which the action refuses a row.
    """
    chosen = list(rows.select_related(None)[: MOST_AT_ONCE + 1])
    if len(chosen) > MOST_AT_ONCE:
        messages.error(
            request, f"More than {MOST_AT_ONCE:,} rows are selected. Filter first; nothing was changed."
        )
        return
    mine = _find_allowed(request, chosen, allowed)
    skipped = Counter(_apply(chosen, verb, mine=mine, refusals=refusals))
    moved = len(chosen) - skipped.total()
    level = messages.WARNING if skipped else messages.SUCCESS
    messages.add_message(request, level if moved else messages.ERROR, _describe_result(moved, done, skipped))


def _find_allowed(request: HttpRequest, chosen: Iterable[Any], allowed: QuerySet[Any]) -> set[Any]:
    keys = {row.pk for row in chosen}
    if request.user.is_superuser:
        return keys
    return set(allowed.filter(pk__in=keys).values_list("pk", flat=True))


def _apply(
    chosen: Iterable[Any],
    verb: Callable[[Any], object],
    *,
    mine: set[Any],
    refusals: tuple[type[Exception], ...],
) -> Iterable[str]:
    for row in chosen:
        if row.pk not in mine:
            yield ROLE_TOO_LOW
            continue
        try:
            verb(row)
        except refusals as refusal:
            yield str(refusal)


def _describe_result(moved: int, done: str, skipped: Counter[str]) -> str:
    if not skipped:
        return f"{moved} {done}."
    reasons = "; ".join(f"{reason} ({n})" if n > 1 else reason for reason, n in skipped.most_common(5))
    return f"{moved} {done}, {skipped.total()} skipped: {reasons}"


# --- columns -----------------------------------------------------------------------------------------------


def make_badge_column(
    description: str, *, ordering: str
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """A column whose texts are coloured by state. Without Unfold the texts have no colour."""

    def decorate(column: Callable[..., str]) -> Callable[..., str]:
        column.label = TONES  # type: ignore[attr-defined]
        column.short_description = description  # type: ignore[attr-defined]
        column.admin_order_field = ordering  # type: ignore[attr-defined]
        return column

    return decorate


def make_dollars_column(field: str, description: str) -> Callable[[Model], str]:
    """A column of exact amounts, with two decimal places or as many as the amount needs."""

    @display(description=description, ordering=field)
    def column(row: Model) -> str:
        return format_usd(getattr(row, field))

    column.__name__ = field
    return column


def format_json(value: Any) -> SafeString:
    """JSON or text for reading: escaped, and shortened if it is too long for a page."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    shown = text.replace(NUL, "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    rest = f"\n... {len(shown) - LONGEST_SHOWN:,} more characters" if len(shown) > LONGEST_SHOWN else ""
    return format_html("<pre>{}{}</pre>", shown[:LONGEST_SHOWN], rest)
