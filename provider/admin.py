"""The admin pages of the model table. Each save makes a new version, which every process uses within seconds."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from provider import billed, shipping, table
from provider.models import (
    A_NAME,
    BATCH_RATES,
    RATES,
    Finding,
    LanguageModel,
    ModelPrice,
    ModelTableVersion,
    ProviderKey,
)
from provider.states import Effort, Thinking
from workspaces.admin_base import (
    LoraModelAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    format_json,
    make_badge_column,
    make_dollars_column,
)
from workspaces.models import User

RATE_NAMES = {
    "input": "Input",
    "output": "Output",
    "cache_write_5m": "Cache write, 5 min",
    "cache_write_1h": "Cache write, 1 h",
    "cache_read": "Cache read",
}
SAVED_MESSAGE = "Saved as version {} of the table; every process uses it within some seconds."


class _Publishes(LoraModelAdmin):
    """Publishes each change of the table in the same transaction."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._publish(request)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        self._publish(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        self._publish(request)

    def get_actions(self, request: HttpRequest) -> Any:
        """There is no bulk deletion, because each row is checked on its own."""
        return {
            name: each for name, each in super().get_actions(request).items() if name != "delete_selected"
        }

    def _publish(self, request: HttpRequest) -> None:
        made = table.publish(by=request.user if isinstance(request.user, User) else None)
        if made is not None:
            messages.info(request, SAVED_MESSAGE.format(made.name))


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    aliases = SimpleArrayField(
        forms.CharField(max_length=100, validators=[A_NAME]),
        required=False,
        widget=AdminTextInputWidget,
        help_text="Other names of the same model, separated by commas.",
    )
    thinking_modes = forms.MultipleChoiceField(
        choices=Thinking.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it does not refuse.",
    )
    effort_levels = forms.MultipleChoiceField(
        choices=Effort.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it does not refuse.",
    )


class PriceInline(ReadOnlyInline):
    model = ModelPrice
    fields = ("valid_from", "above_prompt_tokens", "free", *RATES)
    ordering = ("-valid_from", "above_prompt_tokens")
    show_change_link = True
    verbose_name_plural = "prices (a new one is added under Prices)"


@admin.register(LanguageModel)
class LanguageModelAdmin(_Publishes):
    form = ModelForm
    list_display = ("name", "pool", "state", "retires", "successor", "context", "max_output", "changed")
    list_filter = ("lifecycle", "structured_outputs", "counts_tokens")
    search_fields = ("name", "pool")
    ordering = ("position", "name")
    inlines = (PriceInline,)
    readonly_fields = ("changed", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "aliases", "pool", "position")}),
        ("Life", {"fields": ("lifecycle", "retires", "successor", "no_successor")}),
        ("Limits", {"fields": ("context", "max_output", "min_cache_tokens")}),
        (
            "What it takes",
            {
                "fields": (
                    *("structured_outputs", "counts_tokens", "takes_temperature", "accepts_forced_tool"),
                    *("thinking_modes", "thinking", "effort_levels", "effort"),
                )
            },
        ),
        ("Row", {"fields": ("changed", "created_at", "updated_at")}),
    )

    @make_badge_column("Lifecycle", ordering="lifecycle")
    def state(self, model: LanguageModel) -> str:
        return model.lifecycle

    @admin.display(description="Changed here")
    def changed(self, model: LanguageModel) -> str:
        """The shipped values that a person has replaced. An update of the product does not change them."""
        if model.shipped is None:
            return "added here"
        return (
            ", ".join(name.replace("_", " ") for name in shipping.find_changed_fields(model)) or "as shipped"
        )

    def get_readonly_fields(self, request: HttpRequest, obj: LanguageModel | None = None) -> Any:
        # The generation log refers to a model by its name, so the name never changes.
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: LanguageModel | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:-1]

    def has_delete_permission(self, request: HttpRequest, obj: LanguageModel | None = None) -> bool:
        """Only a model that a person has added and that was never called: the log needs the prices of the others."""
        mine = obj is not None and obj.shipped is None and not _was_called(obj)
        return mine and super().has_delete_permission(request, obj)


def _was_called(model: LanguageModel) -> bool:
    first = model.prices.order_by("valid_from").first()
    return first is not None and billed.was_called_since(model.names, first.valid_from)


@admin.register(ModelPrice)
class ModelPriceAdmin(_Publishes):
    list_display = (
        *("model", "valid_from", "above_prompt_tokens", "free"),
        *(make_dollars_column(name, words) for name, words in RATE_NAMES.items()),
    )
    list_filter = ("free", "valid_from")
    list_select_related = ("model",)
    search_fields = ("model__name",)
    autocomplete_fields = ("model",)
    detail_select_related = ("model",)
    fieldsets = (
        (None, {"fields": ("model", "valid_from", "above_prompt_tokens", "free")}),
        ("US dollars per million tokens", {"fields": (*RATES, *BATCH_RATES)}),
    )

    def has_change_permission(self, request: HttpRequest, obj: ModelPrice | None = None) -> bool:
        """A price that calls were billed by cannot be changed. Add a price that is valid from a later day instead."""
        return super().has_change_permission(request, obj) and not (obj and obj.is_billed)

    def has_delete_permission(self, request: HttpRequest, obj: ModelPrice | None = None) -> bool:
        return (
            obj is not None
            and super().has_delete_permission(request, obj)
            and not obj.is_billed
            and not obj.is_needed()
        )


@admin.register(ModelTableVersion)
class ModelTableVersionAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at", "created_by")
    list_select_related = ("created_by",)
    list_defer = ("content",)
    search_fields = ("name",)
    detail_select_related = ("created_by",)
    fields = ("name", "created_at", "created_by", "content_shown")

    @admin.display(description="The table")
    def content_shown(self, version: ModelTableVersion) -> SafeString:
        return format_json(version.content)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("model", "works", "counts_tokens", "structured_outputs", "created_at", "created_by")
    list_filter = ("works",)
    list_select_related = ("created_by",)
    list_defer = ("report",)
    search_fields = ("model",)
    detail_select_related = ("created_by",)
    exclude = ("report",)
    readonly_fields = ("report_shown",)

    @admin.display(description="Report")
    def report_shown(self, finding: Finding) -> SafeString:
        return format_json(finding.report)


@admin.register(ProviderKey)
class ProviderKeyAdmin(ReadOnlyAdmin):
    """Who has entered which key. The key itself is not shown."""

    fields = ("name", "workspace", "address", "replaces", "created_by", "created_at", "updated_at")
    list_display = ("name", "workspace", "address", "created_by", "updated_at")
    list_select_related = ("workspace", "created_by")
    list_defer = ("encrypted_key",)
    search_fields = ("name", "workspace__name")
    detail_select_related = ("workspace", "created_by")
    ordering = ("name",)
