"""The admin page of background jobs, to read only: they are started and cancelled on the pages they belong to."""

from django.contrib import admin

from background.models import BackgroundJob, JobRequest
from workspaces.admin_base import ReadOnlyAdmin


@admin.register(BackgroundJob)
class BackgroundJobAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "status", "done", "total", "created_by", "created_at", "ended_at")
    list_filter = ("status", "kind")
    list_select_related = ("created_by",)
    list_defer = ("parameters", "place", "result")
    detail_select_related = ("workspace", "created_by")
    ordering = ("-created_at",)


@admin.register(JobRequest)
class JobRequestAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "job", "key", "created_by")
    list_select_related = ("job", "created_by")
    search_fields = ("key", "job__name")
    ordering = ("-created_at",)
    detail_select_related = ("job", "workspace", "created_by")
