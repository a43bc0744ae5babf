"""The admin's base classes: the only importer of django-unfold, with stock Django where it is not installed.

What they fence (docs/architecture.md section 7): bounded counts, workspaces kept apart for staff who are no superusers, read-only
pages for rows whose rules an edit would bypass, and verbs as actions that tell what they skipped.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import messages
from django.contrib.admin import display
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lib.stale_state import StaleState
from workspaces.models import Membership

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
    from django.contrib.admin import TabularInline as _TabularInline
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

    KitModelAdmin: TypeAlias = _ModelAdmin[Any]
    KitTabularInline: TypeAlias = _TabularInline[Any, Any]
else:
    try:
        from unfold.admin import ModelAdmin as KitModelAdmin
        from unfold.admin import TabularInline as KitTabularInline
        from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    except ImportError:
        from django.contrib.admin import ModelAdmin as KitModelAdmin
        from django.contrib.admin import TabularInline as KitTabularInline
        from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
        from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm

__all__ = [
    "AdminPasswordChangeForm",
    "LoraModelAdmin",
    "LoraTabularInline",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "UserChangeForm",
    "UserCreationForm",
    "apply_verb",
    "badge",
    "pretty",
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
    """Counts to ten thousand and no further; whoever wants the rest filters."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        counted = rows.order_by()[:MOST_COUNTED] if isinstance(rows, QuerySet) else rows
        return counted.count() if isinstance(counted, QuerySet) else len(counted)


class LoraModelAdmin(KitModelAdmin):
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    paginator = BoundedPaginator
    # Foreign keys that a change page shows, fetched with its row.
    detail_select_related: tuple[str, ...] = ()
    # Columns that a list does not load.
    list_defer: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if not request.user.is_superuser:
            rows = self.of_workspaces(rows, request)
        match = request.resolver_match
        if match and match.url_name and match.url_name.endswith("_change"):
            return rows.select_related(*self.detail_select_related) if self.detail_select_related else rows
        return rows.defer(*self.list_defer)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        """Staff see the rows of their own workspaces; tables without one are ruled by permissions alone."""
        if not any(field.name == "workspace" for field in self.model._meta.fields):
            return rows
        mine = Membership.objects.filter(user_id=str(request.user.pk)).values("workspace")
        return rows.filter(workspace__in=mine)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """What may be chosen is what the other table's page shows: a posted id is checked against it too."""
        other = self.admin_site._registry.get(db_field.remote_field.model)
        if "queryset" not in kwargs and isinstance(other, LoraModelAdmin):
            kwargs["queryset"] = other.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A NUL in a filter reaches the database as an error; it is nobody's honest search."""
        if any(NUL in value for values in request.GET.lists() for value in (values[0], *values[1])):
            messages.error(request, "The address held characters that cannot be searched for.")
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, extra_context)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Only what was edited is written: a whole row would take back what a worker has written meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
        elif changed := [name for name in form.changed_data if name in form.cleaned_data]:
            fields = {field.name for field in self.model._meta.concrete_fields}
            obj.save(update_fields=[name for name in changed if name in fields])


class ReadOnlyAdmin(LoraModelAdmin):
    """To look at: nobody adds, changes or deletes here. Verbs may be actions with a permission of their own."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_move_permission(self, request: HttpRequest) -> bool:
        """May use the verbs: who might otherwise change the rows."""
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
    """Each row through its own verb, one at a time. `3 approved, 1 skipped: ...` tells what did not move.

    `allowed` are the rows that this person may move; a superuser may move all. `refusals` are the exceptions
    with which the verb says no.
    """
    chosen = list(rows.select_related(None)[: MOST_AT_ONCE + 1])
    if len(chosen) > MOST_AT_ONCE:
        messages.error(request, f"More than {MOST_AT_ONCE:,} rows are selected. Filter first; nothing moved.")
        return
    mine = _movable(request, chosen, allowed)
    skipped = Counter(_refused(chosen, verb, mine=mine, refusals=refusals))
    moved = len(chosen) - skipped.total()
    level = messages.WARNING if skipped else messages.SUCCESS
    messages.add_message(request, level if moved else messages.ERROR, _told(moved, done, skipped))


def _movable(request: HttpRequest, chosen: Iterable[Any], allowed: QuerySet[Any]) -> set[Any]:
    keys = {row.pk for row in chosen}
    if request.user.is_superuser:
        return keys
    return set(allowed.filter(pk__in=keys).values_list("pk", flat=True))


def _refused(
    chosen: Iterable[Any],
    verb: Callable[[Any], object],
    *,
    mine: set[Any],
    refusals: tuple[type[Exception], ...],
) -> Iterable[str]:
    for row in chosen:
        if row.pk not in mine:
            yield "Your role in its workspace may see, but not do this."
            continue
        try:
            verb(row)
        except refusals as refusal:
            yield str(refusal)


def _told(moved: int, done: str, skipped: Counter[str]) -> str:
    if not skipped:
        return f"{moved} {done}."
    reasons = "; ".join(f"{reason} ({n})" if n > 1 else reason for reason, n in skipped.most_common(5))
    return f"{moved} {done}, {skipped.total()} skipped: {reasons}"


# --- columns -----------------------------------------------------------------------------------------------


def badge(description: str, *, ordering: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """A column whose words are coloured by state. Stock Django shows the words."""

    def decorate(column: Callable[..., str]) -> Callable[..., str]:
        column.label = TONES  # type: ignore[attr-defined]
        column.short_description = description  # type: ignore[attr-defined]
        column.admin_order_field = ordering  # type: ignore[attr-defined]
        return column

    return decorate


def dollars(field: str, description: str) -> Callable[[Model], str]:
    """A column of money: the exact amount, with two places or as many as it needs."""

    @display(description=description, ordering=field)
    def column(row: Model) -> str:
        whole, _, places = f"{getattr(row, field):f}".partition(".")
        return f"${whole}.{places.rstrip('0').ljust(2, '0')}"

    column.__name__ = field
    return column


def pretty(value: Any) -> SafeString:
    """JSON, or text as it is, for reading: escaped, and cut where it becomes too long for a page."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    shown = text.replace(NUL, "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    rest = f"\n... {len(shown) - LONGEST_SHOWN:,} more characters" if len(shown) > LONGEST_SHOWN else ""
    return format_html("<pre>{}{}</pre>", shown[:LONGEST_SHOWN], rest)
