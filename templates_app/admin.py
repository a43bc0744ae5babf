"""The admin pages of templates. A version is edited until it is published, and never again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest

from templates_app.models import NotPublishable, PromptTemplate, TemplateVersion
from templates_app.rendering import Variable, VariableError
from workspaces.admin_base import LoraModelAdmin, ReadOnlyInline, apply_verb
from workspaces.states import StaleState

CONTENT = ("text", "system_prompt", "training_system_prompt", "variables", "language", "model", "note")


class VersionInline(ReadOnlyInline):
    model = TemplateVersion
    fields = ("number", "published_at", "language", "model", "note")
    ordering = ("-number",)
    show_change_link = True


@admin.register(PromptTemplate)
class PromptTemplateAdmin(LoraModelAdmin):
    list_display = ("name", "tier", "workspace", "published_version", "pack", "archived_at", "created_at")
    list_filter = ("tier", ("archived_at", admin.EmptyFieldListFilter))
    list_select_related = ("workspace",)
    search_fields = ("name",)
    autocomplete_fields = ("workspace",)
    fields = ("name", "tier", "workspace", "diversity", "archived_at", "pack", "created_by", "created_at")
    readonly_fields = ("pack", "created_by", "created_at")
    detail_select_related = ("workspace", "created_by")
    inlines = (VersionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptTemplate]:
        published = Max("versions__number", filter=Q(versions__published_at__isnull=False))
        rows: QuerySet[PromptTemplate] = super().get_queryset(request).annotate(published_number=published)
        return rows

    @admin.display(description="Published version", ordering="published_number")
    def published_version(self, template: PromptTemplate) -> int | None:
        return getattr(template, "published_number", None)

    def get_readonly_fields(self, request: HttpRequest, obj: PromptTemplate | None = None) -> Any:
        # Its versions and its conversations stay where they are.
        return (*self.readonly_fields, "workspace") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: PromptTemplate | None = None) -> bool:
        return False  # conversations point at its versions for ever; it is archived instead

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_variables(self) -> Any:
        given = self.cleaned_data["variables"]
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise forms.ValidationError("Write a list of variables, each an object with a name and a type.")
        problems = [problem for each in given for problem in _problems(each)]
        if problems:
            raise forms.ValidationError(problems)
        return given


def _problems(definition: dict[str, Any]) -> list[str]:
    try:
        Variable.from_dict(definition)
    except VariableError as wrong:
        return [str(problem) for problem in wrong.problems]
    return []


@admin.register(TemplateVersion)
class TemplateVersionAdmin(LoraModelAdmin):
    form = VersionForm
    list_display = ("template", "number", "published_at", "language", "model", "note", "created_at")
    list_filter = (("published_at", admin.EmptyFieldListFilter),)
    list_select_related = ("template",)
    list_defer = ("text", "system_prompt", "training_system_prompt", "variables")
    search_fields = ("template__name", "note")
    ordering = ("template__name", "-number")
    autocomplete_fields = ("template",)
    fields = ("template", *CONTENT, "number", "published_at", "workspace", "created_by", "created_at")
    readonly_fields = ("number", "published_at", "workspace", "created_by", "created_at")
    detail_select_related = ("template", "workspace", "created_by")
    actions = ("publish",)

    def get_readonly_fields(self, request: HttpRequest, obj: TemplateVersion | None = None) -> Any:
        return (*self.readonly_fields, "template") if obj else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_published(obj)

    def has_delete_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        """One by one: the bulk action would meet published ones."""
        return obj is not None and not _is_published(obj) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            newest = obj.template.versions.aggregate(newest=Max("number"))["newest"] or 0
            obj.number, obj.workspace, obj.created_by = newest + 1, obj.template.workspace, request.user
        super().save_model(request, obj, form, change)

    @admin.action(
        description="Publish: new plans use it, and it cannot be changed any more", permissions=["change"]
    )
    def publish(self, request: HttpRequest, rows: QuerySet[TemplateVersion]) -> None:
        apply_verb(
            request,
            rows.select_related("template").defer(None),
            lambda version: version.publish(by=request.user),
            allowed=TemplateVersion.objects.filter(
                template__in=PromptTemplate.objects.editable_by(request.user)
            ),
            done="published",
            refusals=(StaleState, NotPublishable),
        )


def _is_published(version: TemplateVersion | None) -> bool:
    return version is not None and version.published_at is not None
