"""The admin pages of batches. Everything can be looked at; only Pause, Resume and Cancel change anything."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from batches.actions import jobs as verbs
from batches.actions.call_stops import allow_calls, stop_calls
from batches.models import (
    BatchItem,
    BatchJob,
    CachedPrefix,
    CallStop,
    GenerationLog,
    Notice,
    PaidRequest,
    PromptSize,
    ProviderPool,
    RateLimit,
    Repair,
    SpendingMonth,
    Webhook,
    Worker,
)
from workspaces.admin_base import (
    LONGEST_SHOWN,
    ReadOnlyAdmin,
    apply_verb,
    format_json,
    make_badge_column,
    make_dollars_column,
)
from workspaces.models import Membership, User
from workspaces.people import get_person

COUNTERS = ("total_items", "completed_items", "failed_items", "successful_items", "in_flight")
MONEY = ("budget_usd", "spent", "reserved", "worst_item_usd")


@admin.register(BatchJob)
class BatchJobAdmin(ReadOnlyAdmin):
    list_display = (
        *("name", "workspace", "state", "reason", "priority", "finished", "failed_items"),
        *(make_dollars_column("spent", "Spent"), make_dollars_column("budget_usd", "Budget"), "created_at"),
    )
    list_filter = ("status", "kind", "mode", "priority", "tier", "error_handling")
    list_select_related = ("workspace",)
    list_defer = ("shared_parameters", "estimate", "reason_note")
    search_fields = ("name",)
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "status", "reason", "reason_note", "rows")}),
        ("Progress", {"fields": COUNTERS}),
        ("Money", {"fields": MONEY}),
        (
            "Settings",
            {
                "fields": (
                    *("priority", "mode", "error_handling", "tier", "model", "max_tokens", "seed"),
                    *("concurrent_processing", "idempotency_key", "shared_shown", "estimate_shown"),
                )
            },
        ),
        (
            "Times",
            {
                "fields": (
                    *("workspace", "created_by", "created_at", "updated_at", "last_served_at"),
                    *("started_at", "stopped_at", "paused_seconds", "completed_at"),
                )
            },
        ),
    )
    detail_select_related = ("workspace", "created_by")
    actions = ("pause", "resume", "cancel")

    @make_badge_column("Status", ordering="status")
    def state(self, job: BatchJob) -> str:
        return job.status

    @admin.display(description="Finished")
    def finished(self, job: BatchJob) -> str:
        return f"{job.ended_items} of {job.total_items}"

    @admin.display(description="Items and log")
    def rows(self, job: BatchJob) -> SafeString:
        """Links, not an inline: a batch may have ten thousand items."""
        items, logs = (reverse(f"admin:batches_{name}_changelist") for name in ("batchitem", "generationlog"))
        return format_html(
            '<a href="{0}?job__id__exact={2}">Items</a>, <a href="{1}?job__id__exact={2}">generation log</a>',
            items,
            logs,
            job.pk,
        )

    @admin.display(description="Shared parameters")
    def shared_shown(self, job: BatchJob) -> SafeString:
        return format_json(job.shared_parameters)

    @admin.display(description="Estimate")
    def estimate_shown(self, job: BatchJob) -> SafeString:
        return format_json(job.estimate)

    @admin.action(description="Pause", permissions=["move"])
    def pause(self, request: HttpRequest, rows: QuerySet[BatchJob]) -> None:
        self._move(request, rows, verbs.pause, done="paused")

    @admin.action(description="Resume", permissions=["move"])
    def resume(self, request: HttpRequest, rows: QuerySet[BatchJob]) -> None:
        self._move(request, rows, verbs.resume, done="resumed")

    @admin.action(description="Cancel for good", permissions=["move"])
    def cancel(self, request: HttpRequest, rows: QuerySet[BatchJob]) -> None:
        self._move(request, rows, verbs.cancel, done="cancelled")

    def _move(
        self, request: HttpRequest, rows: QuerySet[Any], verb: Callable[..., BatchJob], *, done: str
    ) -> None:
        by = request.user if isinstance(request.user, User) else None
        allowed = BatchJob.objects.editable_by(request.user)
        apply_verb(request, rows, lambda job: verb(job, by=by), allowed=allowed, done=done)


@admin.register(BatchItem)
class BatchItemAdmin(ReadOnlyAdmin):
    list_display = (
        *("conversation_id", "job", "position", "topic", "tier", "state"),
        *("attempt", "crashes", "error_kind", "ended_at"),
    )
    list_filter = ("status", "tier", "kind", ("error_kind", admin.EmptyFieldListFilter))
    list_select_related = ("job",)
    list_defer = ("parameters", "error_message", "instruction")
    search_fields = ("conversation_id", "topic")
    ordering = ("-created_at", "position")
    detail_select_related = (
        *("workspace", "job", "template_version__template", "worker", "current_log", "regenerates"),
    )
    fieldsets = (
        (None, {"fields": ("conversation_id", "job", "position", "kind", "topic", "tier", "category")}),
        (
            "State",
            {
                "fields": (
                    *("status", "progress", "error_kind", "error_message", "attempt", "crashes", "worker"),
                    *("current_log", "run_after", "rung_at", "claimed_at", "ended_at"),
                )
            },
        ),
        ("Plan", {"fields": ("workspace", "template_version", "parameters_shown", "created_at")}),
        ("Regeneration", {"fields": ("regenerates", "instruction", "from_turn")}),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "job__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @make_badge_column("Status", ordering="status")
    def state(self, item: BatchItem) -> str:
        return item.status

    @admin.display(description="Parameters")
    def parameters_shown(self, item: BatchItem) -> SafeString:
        return format_json(item.parameters)


@admin.register(GenerationLog)
class GenerationLogAdmin(ReadOnlyAdmin):
    """Append-only for people. Payloads are shown as text, cut where they become too long for a page."""

    list_display = (
        *("created_at", "item", "job", "attempt", "outcome", "model", "simulated"),
        *(
            make_dollars_column("cost_usd", "Cost"),
            "input_tokens",
            "output_tokens",
            "duration_ms",
            "error_kind",
        ),
    )
    list_filter = ("state", "simulated", ("error_kind", admin.EmptyFieldListFilter))
    list_select_related = ("item", "job")
    list_defer = (
        "parameters",
        "request_payload",
        "response_payload",
        "response_body",
        "error_message",
        "reading_notes",
    )
    search_fields = ("=provider_request_id", "item__conversation_id")
    search_help_text = "The provider's request id, or a conversation's id"
    ordering = ("-created_at",)
    detail_select_related = (
        *("workspace", "job", "item", "conversation"),
        *("template_version__template", "worker"),
    )
    fieldsets = (
        (
            None,
            {"fields": ("job", "run_id", "item", "conversation", "attempt", "state", "worker", "workspace")},
        ),
        ("Money", {"fields": ("reservation_usd", "cost_usd", "price_version", "pool", "simulated")}),
        (
            "Call",
            {
                "fields": (
                    *("model", "max_tokens", "template_version", "provider_request_id", "stop_reason"),
                    *("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens"),
                    *(
                        "created_at",
                        "deadline",
                        "finished_at",
                        "duration_ms",
                        "estimated",
                        "reading_notes",
                        "error_kind",
                        "error_message",
                    ),
                )
            },
        ),
        ("Contents", {"fields": ("parameters_shown", "request_shown", "response_shown", "body_shown")}),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "job__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @make_badge_column("State", ordering="state")
    def outcome(self, log: GenerationLog) -> str:
        return log.state

    @admin.display(description="Parameters")
    def parameters_shown(self, log: GenerationLog) -> SafeString:
        return format_json(log.parameters)

    @admin.display(description="Request")
    def request_shown(self, log: GenerationLog) -> SafeString:
        if log.payloads_removed_at is not None:
            return format_html("Removed on {}, with the reply.", f"{log.payloads_removed_at:%Y-%m-%d}")
        return format_json(log.request_payload)

    @admin.display(description="Response")
    def response_shown(self, log: GenerationLog) -> SafeString | None:
        return None if log.response_payload is None else format_json(log.response_payload)

    @admin.display(description="Raw body")
    def body_shown(self, log: GenerationLog) -> SafeString | None:
        """Its size, and its beginning as text. Bytes that are no UTF-8 are shown as replacement characters."""
        if log.response_body is None:
            return None
        body = bytes(log.response_body)
        text = body[: 4 * LONGEST_SHOWN].decode("utf-8", "replace")
        return format_html("{} bytes{}", f"{len(body):,}", format_json(text))


@admin.register(RateLimit)
class RateLimitAdmin(ReadOnlyAdmin):
    list_display = (
        "pool",
        "dimension",
        "per_minute",
        "configured",
        "told",
        "typical",
        "tat",
        "blocked_until",
    )
    list_filter = ("dimension",)
    search_fields = ("pool",)


@admin.register(ProviderPool)
class ProviderPoolAdmin(ReadOnlyAdmin):
    list_display = ("pool", "opened_for_s", "opened_until", "slowed_to", "slowed_at", "waiting_since")
    search_fields = ("pool",)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "reason", "delivery", "attempts", "created_at")
    list_filter = ("status", "delivery")
    list_select_related = ("job", "background")
    list_defer = ("background__parameters", "background__place", "background__result")
    search_fields = ("job__name", "background__name")
    detail_select_related = ("job", "background", "workspace")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Neither the secret nor the whole address is shown: both let one speak in the name of the other side."""

    fields = ("workspace", "host", "generation", "created_at", "updated_at")
    list_display = ("workspace", "host", "generation", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("workspace__name",)
    detail_select_related = ("workspace",)


@admin.register(PaidRequest)
class PaidRequestAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "job", "key", "items", "created_by")
    list_select_related = ("job", "created_by")
    search_fields = ("key", "job__name")
    ordering = ("-created_at",)
    detail_select_related = ("job", "workspace", "created_by")


@admin.register(PromptSize)
class PromptSizeAdmin(ReadOnlyAdmin):
    list_display = ("template_version", "model", "simulated", "counted_at", "next_at", "failures")
    list_filter = ("simulated", ("counted_at", admin.EmptyFieldListFilter))
    list_defer = ("samples", "problem")
    list_select_related = ("template_version__template",)
    search_fields = ("model", "template_version__template__name")
    ordering = ("-created_at",)
    detail_select_related = ("template_version__template", "workspace", "created_by")


@admin.register(Repair)
class RepairAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "rule", "subject", "before", "after", "job")
    list_filter = ("rule",)
    list_select_related = ("job",)
    search_fields = ("subject", "job__name")
    ordering = ("-created_at",)
    detail_select_related = ("job", "workspace")


@admin.register(SpendingMonth)
class SpendingMonthAdmin(ReadOnlyAdmin):
    list_display = (
        "workspace",
        "month",
        "demo",
        make_dollars_column("spent", "Spent"),
        make_dollars_column("reserved", "Reserved"),
    )
    list_filter = ("demo",)
    list_select_related = ("workspace",)
    search_fields = ("workspace__name",)
    detail_select_related = ("workspace",)


@admin.register(CachedPrefix)
class CachedPrefixAdmin(ReadOnlyAdmin):
    list_display = ("job", "template_version", "warm_until")
    list_select_related = ("job", "template_version__template")
    search_fields = ("job__name",)
    ordering = ("-warm_until",)
    detail_select_related = ("job", "template_version__template")

    def of_workspaces(self, rows: "QuerySet[CachedPrefix]", request: HttpRequest) -> "QuerySet[CachedPrefix]":
        """The table has no workspace column; the rows belong to their jobs' workspaces."""
        mine = Membership.objects.filter(user_id=str(request.user.pk)).values("workspace")
        return rows.filter(job__workspace__in=mine)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("kind", "host", "pid", "slots", "heartbeat_at", "stopped_at")
    list_filter = ("kind", ("stopped_at", admin.EmptyFieldListFilter))
    search_fields = ("host",)
    ordering = ("-heartbeat_at",)


@admin.register(CallStop)
class CallStopAdmin(ReadOnlyAdmin):
    """Adding one stops all calls of the installation; the action allows them again. For superusers."""

    list_display = ("__str__", "created_at", "stopped_by", "reason", "allowed_at")
    list_select_related = ("stopped_by",)
    ordering = ("-created_at",)
    fields = ("reason", "stopped_by", "created_at", "allowed_at")
    readonly_fields = ("stopped_by", "created_at", "allowed_at")
    detail_select_related = ("stopped_by",)
    actions = ("allow",)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.is_superuser)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        obj.pk = stop_calls(reason=form.cleaned_data["reason"], by=get_person(request)).pk

    @admin.action(description="Allow calls again", permissions=["add"])
    def allow(self, request: HttpRequest, rows: QuerySet[CallStop]) -> None:
        """Closes every open stop, whichever row is selected."""
        done = allow_calls(by=get_person(request))
        self.message_user(request, "Calls are allowed again." if done else "Calls were allowed already.")
