"""The admin pages of the numbers by day. They are derived, so they can only be looked at."""

from typing import ClassVar

from django.contrib import admin

from analytics.models import DailyCalls, DailyConversations, DailyDecisions, DailyPersonas, StaleDay
from workspaces.admin_base import ReadOnlyAdmin, make_dollars_column


class DayAdmin(ReadOnlyAdmin):
    list_select_related: ClassVar[tuple[str, ...]] = ("workspace",)
    detail_select_related: tuple[str, ...] = ("workspace",)
    search_fields = ("workspace__name",)
    ordering = ("-day",)


class MadeDayAdmin(DayAdmin):
    list_select_related = ("workspace", "template_version__template")
    detail_select_related = ("workspace", "template_version__template")


@admin.register(DailyCalls)
class DailyCallsAdmin(MadeDayAdmin):
    list_display = (
        *("day", "workspace", "template_version", "tier", "model", "state", "error_kind", "calls"),
        make_dollars_column("cost_usd", "Cost"),
    )
    list_filter = ("simulated", "state", "tier")


@admin.register(DailyConversations)
class DailyConversationsAdmin(MadeDayAdmin):
    list_display = (
        *("day", "workspace", "template_version", "tier", "model", "status"),
        *("band", "conversations", "scored", "score_sum"),
    )
    list_filter = ("simulated", "status", "tier")


@admin.register(DailyPersonas)
class DailyPersonasAdmin(DayAdmin):
    list_display = ("day", "workspace", "tier", "persona", "emotion", "conversations", "approved")
    list_filter = ("simulated", "tier")


@admin.register(DailyDecisions)
class DailyDecisionsAdmin(DayAdmin):
    list_display = ("day", "workspace", "reviewer", "to_status", "decisions", "undone")
    list_filter = ("to_status",)


@admin.register(StaleDay)
class StaleDayAdmin(DayAdmin):
    list_display = ("day", "workspace")
