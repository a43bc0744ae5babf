"""The admin pages of templates. A version is edited until it is published, and never again."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest

from lib.stale_state import StaleState
from templates_app.library.checks import clean_fields, find_problems
from templates_app.library.editing import find_template_problems, is_name_taken
from templates_app.models import (
    EdgeCase,
    ImportFile,
    LibraryEntry,
    NotPublishable,
    Option,
    PromptTemplate,
    Scenario,
    TemplateVersion,
)
from templates_app.states import EntryKind
from templates_app.text.rendering import Problem, Variable, VariableError
from workspaces.admin_base import LoraModelAdmin, ReadOnlyAdmin, ReadOnlyInline, apply_verb

CONTENT = (
    *("text", "system_prompt", "training_system_prompt", "variables"),
    *("language", "model", "turns_min", "turns_max", "note"),
)


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
        # A template never moves to another workspace: its versions and conversations belong to this one.
        return (*self.readonly_fields, "workspace") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: PromptTemplate | None = None) -> bool:
        return False  # conversations refer to its versions; a template is archived instead

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_variables(self) -> Any:
        given = self.cleaned_data["variables"]
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise forms.ValidationError("Write a list of variables, each an object with a name and a type.")
        problems = [problem for each in given for problem in _find_definition_problems(each)]
        if problems:
            raise forms.ValidationError(problems)
        return given


def _find_definition_problems(definition: dict[str, Any]) -> list[str]:
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
    fields = (
        "template",
        *CONTENT,
        "syntax",
        "number",
        "published_at",
        "workspace",
        "created_by",
        "created_at",
    )
    readonly_fields = ("syntax", "number", "published_at", "workspace", "created_by", "created_at")
    detail_select_related = ("template", "workspace", "created_by")
    actions = ("publish",)

    def get_readonly_fields(self, request: HttpRequest, obj: TemplateVersion | None = None) -> Any:
        return (*self.readonly_fields, "template") if obj else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_published(obj)

    def has_delete_permission(self, request: HttpRequest, obj: TemplateVersion | None = None) -> bool:
        """Drafts can be deleted one at a time. The bulk action is not offered: it could include published versions."""
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


# --- scenarios, edge cases, options ------------------------------------------------------------------


class EntryForm(forms.ModelForm):  # type: ignore[type-arg]
    """Applies the same checks as the pages, the API and the imports."""

    entry_kind: EntryKind

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "parameters" in given and given["parameters"] is None:
            given["parameters"] = {}  # the field was empty, or held the word null
        if not _is_text_mapping(given.get("parameters", {})):
            self.add_error("parameters", 'Write an object of texts, such as {"age": "41"}.')
        if self.errors:
            return given
        given |= clean_fields(self.entry_kind, given)
        problems = list(find_problems(self.entry_kind, given))
        workspace = given.get("workspace") or self.instance.workspace
        problems += find_template_problems(self.entry_kind, workspace, given.get("template"))
        entry = None if self.instance._state.adding else self.instance
        if not problems and is_name_taken(self.entry_kind, workspace, given, entry=entry):
            problems.append(Problem("name", "another entry of this workspace has this name"))
        for problem in problems:
            field = problem.name.partition(".")[0]
            self.add_error(field if field in self.fields else None, f"{problem.message}.")
        return given


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


class SituationForm(EntryForm):
    tags = SimpleArrayField(
        forms.CharField(), required=False, delimiter=";", help_text="With ; between them."
    )


class ScenarioForm(SituationForm):
    entry_kind = EntryKind.SCENARIO


class EdgeCaseForm(SituationForm):
    entry_kind = EntryKind.EDGE_CASE


class OptionForm(EntryForm):
    entry_kind = EntryKind.OPTION


class EntryAdmin(LoraModelAdmin):
    """Entries keep their workspace, and they are archived instead of deleted: a pack would only install them again."""

    list_filter: ClassVar[Any] = (("archived_at", admin.EmptyFieldListFilter), "pack")
    list_select_related: ClassVar[Any] = ("workspace",)
    autocomplete_fields: ClassVar[Any] = ("workspace",)
    readonly_fields: ClassVar[Any] = ("archived_at", "pack", "created_by", "created_at")
    detail_select_related: tuple[str, ...] = ("workspace", "created_by")
    actions = ("archive", "restore")

    def get_readonly_fields(self, request: HttpRequest, obj: LibraryEntry | None = None) -> Any:
        return (*self.readonly_fields, "workspace") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: LibraryEntry | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @admin.action(description="Archive: new plans do not use it", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        allowed = self.model._default_manager.editable_by(request.user)
        apply_verb(
            request, rows, lambda entry: entry.archive(by=request.user), allowed=allowed, done="archived"
        )

    @admin.action(description="Restore: plans may use it again", permissions=["change"])
    def restore(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        allowed = self.model._default_manager.editable_by(request.user)
        apply_verb(
            request, rows, lambda entry: entry.restore(by=request.user), allowed=allowed, done="restored"
        )


class SituationAdmin(EntryAdmin):
    list_display = ("name", "persona", "emotion", "tags", "template", "workspace", "position", "archived_at")
    list_select_related = ("workspace", "template")
    list_defer = ("context", "expected_behaviour", "parameters")
    search_fields = ("name", "topic", "persona")
    autocomplete_fields = ("workspace", "template")
    fields = (
        *("name", "topic", "persona", "emotion", "intent", "tone", "context", "expected_behaviour"),
        *("tags", "template", "parameters", "position", "workspace"),
        *("archived_at", "pack", "created_by", "created_at"),
    )
    detail_select_related = ("workspace", "created_by", "template")


@admin.register(Scenario)
class ScenarioAdmin(SituationAdmin):
    form = ScenarioForm


@admin.register(EdgeCase)
class EdgeCaseAdmin(SituationAdmin):
    form = EdgeCaseForm


@admin.register(Option)
class OptionAdmin(EntryAdmin):
    form = OptionForm
    list_display = ("name", "kind", "weight", "workspace", "position", "archived_at")
    list_filter = ("kind", ("archived_at", admin.EmptyFieldListFilter), "pack")
    search_fields = ("name", "description")
    fields = (
        *("kind", "name", "description", "weight", "position", "workspace"),
        *("archived_at", "pack", "created_by", "created_at"),
    )


@admin.register(ImportFile)
class ImportFileAdmin(ReadOnlyAdmin):
    """Shows whose files are waiting to be imported. Only the owner of a file sees what is in it."""

    list_display = ("name", "kind", "workspace", "created_by", "expires_at", "imported_at")
    list_filter = ("kind", ("imported_at", admin.EmptyFieldListFilter))
    list_select_related = ("workspace", "created_by")
    list_defer = ("content",)
    search_fields = ("name",)
    fields = ("name", "kind", "workspace", "created_by", "created_at", "expires_at", "imported_at", "outcome")
    detail_select_related = ("workspace", "created_by")
