"""The admin pages of this room, to read only."""

from django.contrib import admin

from exports.models import Export, ExportItem, HubToken, ImportedFile
from workspaces.admin_base import ReadOnlyAdmin


@admin.register(ImportedFile)
class ImportedFileAdmin(ReadOnlyAdmin):
    """Shows whose files are waiting or were imported. Only the owner of a file sees what is in it."""

    list_display = ("name", "kind", "size", "workspace", "created_by", "created_at", "job")
    list_filter = ("kind",)
    list_select_related = ("workspace", "created_by", "job")
    list_defer = ("content", "report", "choices", "floors")
    search_fields = ("name",)
    ordering = ("-created_at",)
    fields = ("name", "kind", "size", "workspace", "created_by", "created_at", "expires_at", "job")
    detail_select_related = ("workspace", "created_by", "job")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("name", "format", "created_by", "created_at", "finished_at", "deleted_at", "size")
    list_filter = ("format",)
    list_select_related = ("created_by",)
    list_defer = ("filter", "chosen", "counts", "report", "manifest", "files", "pushed")
    detail_select_related = ("workspace", "created_by", "since", "job", "push_job")
    ordering = ("-created_at",)


@admin.register(ExportItem)
class ExportItemAdmin(ReadOnlyAdmin):
    list_display = ("export", "position", "conversation", "version", "split", "status")
    list_filter = ("split",)
    list_select_related = ("export", "conversation")
    detail_select_related = ("workspace", "created_by", "export", "conversation", "other")
    ordering = ("-created_at",)


@admin.register(HubToken)
class HubTokenAdmin(ReadOnlyAdmin):
    """The token is not shown: it lets one write in the name of the workspace."""

    fields = ("workspace", "created_by", "created_at", "updated_at")
    list_display = ("workspace", "created_by", "updated_at")
    list_select_related = ("workspace", "created_by")
    list_defer = ("encrypted_key",)
    search_fields = ("workspace__name",)
    detail_select_related = ("workspace", "created_by")
