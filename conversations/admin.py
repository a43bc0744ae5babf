"""The admin pages of conversations. Their status changes only by actions."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from conversations.models import Conversation, IdCounter, Turn
from workspaces.admin_base import (
    LoraModelAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    apply_verb,
    format_json,
    make_badge_column,
)

EDITABLE = ("title", "persona", "emotion", "topic", "intent", "tone", "category", "reviewer_notes")
ABOUT = ("conversation_id", "version", "tier", "language", "source", "simulated", "model")
STATE = ("status", "status_before_archive", "approved_by", "approved_at", "error_message")
SCORE = ("quality_score", "score_override", "metrics_shown", "flags_shown")
COSTS = ("turn_count", "total_tokens", "estimated_cost_usd", "actual_cost_usd", "generation_duration_ms")
ORIGIN = ("workspace", "batch_item", "template_version", "root", "parent", "parent_type", "parameters_shown")
TIMES = ("created_by", "created_at", "updated_at")


def search_words(rows: Any, text: str) -> QuerySet[Any]:
    """The rows that match every word, found with the index of the product's own search."""
    for word in text.split():
        rows = rows.matching(word)
    return cast("QuerySet[Any]", rows)


class TurnInline(ReadOnlyInline):
    model = Turn
    fields = ("turn_number", "role", "content", "token_count")
    ordering = ("turn_number",)


@admin.register(Conversation)
class ConversationAdmin(LoraModelAdmin):
    list_display = (
        "conversation_id",
        "title",
        "tier",
        "state",
        "quality_score",
        "turn_count",
        "simulated",
        "created_at",
    )
    list_filter = ("status", "tier", "simulated", "source")
    list_defer = ("parameters", "quality_metrics", "flags", "bands", "search")
    search_fields = ("search",)
    search_help_text = "Id, title, persona, emotion, topic"
    ordering = ("-created_at",)
    readonly_fields = (*ABOUT, *STATE, *SCORE, *COSTS, *ORIGIN, *TIMES)
    fieldsets = (
        (None, {"fields": EDITABLE}),
        ("State", {"fields": STATE}),
        ("Score", {"fields": SCORE}),
        ("About", {"fields": ABOUT}),
        ("Costs", {"fields": COSTS}),
        ("Origin", {"fields": (*ORIGIN, *TIMES)}),
    )
    inlines = (TurnInline,)
    detail_select_related = (
        *("workspace", "batch_item", "template_version__template"),
        *("root", "parent", "approved_by", "created_by"),
    )
    actions = ("approve", "reject", "needs_revision", "archive", "restore")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_words(queryset, search_term), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # conversations are made by batches

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False  # a conversation is archived instead

    @make_badge_column("Status", ordering="status")
    def state(self, conversation: Conversation) -> str:
        return conversation.status

    @admin.display(description="Quality metrics")
    def metrics_shown(self, conversation: Conversation) -> SafeString:
        return format_json(conversation.quality_metrics)

    @admin.display(description="Flags")
    def flags_shown(self, conversation: Conversation) -> SafeString:
        return format_json(conversation.flags)

    @admin.display(description="Parameters")
    def parameters_shown(self, conversation: Conversation) -> SafeString:
        return format_json(conversation.parameters)

    @admin.action(description="Approve", permissions=["change"])
    def approve(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._decide(request, rows, lambda each: each.approve(by=request.user), done="approved")

    @admin.action(description="Reject", permissions=["change"])
    def reject(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._decide(request, rows, lambda each: each.reject(by=request.user), done="rejected")

    @admin.action(description="Send back for revision", permissions=["change"])
    def needs_revision(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._decide(request, rows, lambda each: each.send_back(by=request.user), done="sent back")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        editable = Conversation.objects.editable_by(request.user)
        apply_verb(
            request, rows, lambda each: each.archive(by=request.user), allowed=editable, done="archived"
        )

    @admin.action(description="Restore from the archive", permissions=["change"])
    def restore(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        editable = Conversation.objects.editable_by(request.user)
        apply_verb(
            request, rows, lambda each: each.restore(by=request.user), allowed=editable, done="restored"
        )

    def _decide(
        self, request: HttpRequest, rows: QuerySet[Any], verb: Callable[[Any], object], *, done: str
    ) -> None:
        reviewable = Conversation.objects.reviewable_by(request.user)
        apply_verb(request, rows, verb, allowed=reviewable, done=done)


@admin.register(Turn)
class TurnAdmin(ReadOnlyAdmin):
    """Read-only, because an edit makes a new version of the conversation."""

    list_display = ("conversation", "turn_number", "role", "beginning", "token_count")
    list_filter = ("role",)
    list_select_related = ("conversation",)
    search_fields = ("conversation__search",)
    search_help_text = "Id, title, persona, emotion, topic of the conversation"
    ordering = ("-created_at", "turn_number")
    fields = ("conversation", "turn_number", "role", "content", "token_count", "workspace", "created_at")
    detail_select_related = ("conversation", "workspace")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        found = search_words(Conversation.objects.all(), search_term)
        return queryset.filter(conversation__in=found), False

    @admin.display(description="Content")
    def beginning(self, turn: Turn) -> str:
        return Truncator(turn.content).chars(100)


@admin.register(IdCounter)
class IdCounterAdmin(ReadOnlyAdmin):
    list_display = ("slug", "workspace", "next_number")
    list_select_related = ("workspace",)
    search_fields = ("slug",)
    detail_select_related = ("workspace",)
