"""The admin pages of what operators look at."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from lorapipe.operation.models import SlowStatement
from workspaces.admin_base import ReadOnlyAdmin


def describe_environment(request: HttpRequest) -> list[str] | None:
    """The badge in the head of every admin page: in demo mode that replies are simulated."""
    return ["Simulated: a stand-in for Claude replies", "warning"] if settings.DEMO else None


@admin.register(SlowStatement)
class SlowStatementAdmin(ReadOnlyAdmin):
    """Which statements are slow, the one that took most time first. Superusers may delete rows, to count anew."""

    list_display = ("__str__", "process", "calls", "total", "longest", "last_at")
    list_filter = ("process",)
    search_fields = ("statement",)
    ordering = ("-total_ms",)
    fields = ("statement", "process", "calls", "total", "longest", "created_at", "last_at")

    @admin.display(description="Total", ordering="total_ms")
    def total(self, row: SlowStatement) -> str:
        return f"{row.total_ms / 1000:,.1f} s"

    @admin.display(description="Longest", ordering="longest_ms")
    def longest(self, row: SlowStatement) -> str:
        return f"{row.longest_ms:,.0f} ms"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)
