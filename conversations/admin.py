"""The admin pages of conversations. Their status changes only by actions."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from background.models import BackgroundJob
from conversations.bulk import DECIDES, TooMany
from conversations.changes import get_newest_decision
from conversations.jobs.bulk import MOST_IN_JOB, MOST_IN_REQUEST, SeveralWorkspaces, decide_about_chosen
from conversations.models import (
    Conversation,
    Decision,
    DimensionScore,
    IdCounter,
    Judgement,
    Rubric,
    SavedView,
    Turn,
)
from conversations.models.decisions import LONGEST_NOTE
from conversations.states import BulkAction
from workspaces.admin_base import (
    ActionForm,
    LoraModelAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    apply_verb,
    format_json,
    make_badge_column,
)
from workspaces.models import User
from workspaces.people import get_person
from workspaces.states import ROLE_TOO_LOW

EDITABLE = ("title", "persona", "emotion", "topic", "intent", "tone", "category", "reviewer_notes")
ABOUT = (
    "conversation_id",
    "version",
    "is_head",
    "revision",
    "change_note",
    "tier",
    "language",
    "source",
    "external_id",
    "system_prompt",
    "simulated",
    "model",
)
STATE = (
    *("status", "status_before_archive", "approved_by", "approved_at", "decided_at"),
    *("flagged_since_decision", "error_message"),
)
SCORE = ("quality_score", "score_override", "score_override_note", "metrics_shown", "flags_shown")
COSTS = ("turn_count", "total_tokens", "estimated_cost_usd", "actual_cost_usd", "generation_duration_ms")
ORIGIN = ("workspace", "batch_item", "template_version", "root", "parent", "parent_type", "parameters_shown")
TIMES = ("created_by", "created_at", "updated_at")


def search_words(rows: Any, text: str) -> QuerySet[Any]:
    """The rows that hold every word, by the product's own search."""
    return cast("QuerySet[Any]", rows.matching(text))


class TurnInline(ReadOnlyInline):
    model = Turn
    fields = ("turn_number", "role", "content", "token_count")
    ordering = ("turn_number",)


class DecisionInline(ReadOnlyInline):
    model = Decision
    fields = ("created_at", "who_name", "on_behalf_of", "from_status", "to_status", "note", "reasons")
    readonly_fields = ("created_at",)
    ordering = ("revision",)
    verbose_name_plural = "history"


class NoteForm(ActionForm):
    """The choice of an action, with a note that goes into the history of each conversation."""

    note = forms.CharField(
        label="",
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.TextInput({"placeholder": "Note", "aria-label": "Note"}),
    )


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
    list_defer = ("parameters", "quality_metrics", "flags", "bands", "search", "system_prompt")
    search_fields = ("search",)
    search_help_text = "Id, title, persona, emotion, topic, or text of a turn"
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
    inlines = (TurnInline, DecisionInline)
    action_form = NoteForm
    detail_select_related = (
        *("workspace", "batch_item", "template_version__template"),
        *("root", "parent", "approved_by", "created_by"),
    )
    actions = ("approve", "reject", "needs_revision", "archive", "restore", "undo")

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
        self._act(request, rows, BulkAction.APPROVE, Conversation.approve, done="approved")

    @admin.action(description="Reject", permissions=["change"])
    def reject(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._act(request, rows, BulkAction.REJECT, Conversation.reject, done="rejected")

    @admin.action(description="Send back for revision", permissions=["change"])
    def needs_revision(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._act(request, rows, BulkAction.NEEDS_REVISION, Conversation.send_back, done="sent back")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._act(request, rows, BulkAction.ARCHIVE, Conversation.archive, done="archived")

    @admin.action(description="Restore from the archive", permissions=["change"])
    def restore(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        self._act(request, rows, BulkAction.RESTORE, Conversation.restore, done="restored")

    @admin.action(description="Take the last decision back", permissions=["change"])
    def undo(self, request: HttpRequest, rows: QuerySet[Conversation]) -> None:
        """For editors, because the last decision may have been to archive."""
        allowed = Conversation.objects.editable_by(request.user)
        self._apply(request, rows, undo_newest, allowed=allowed, done="taken back")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The reviewer's notes have an entry of their own in the audit log."""
        if "reviewer_notes" in form.changed_data:
            Conversation.objects.get(pk=obj.pk).write_notes(obj.reviewer_notes, by=get_person(request))
        super().save_model(request, obj, form, change)

    def _act(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        action: BulkAction,
        verb: Callable[..., object],
        *,
        done: str,
    ) -> None:
        """One at a time with a reason for each that is left out; more than fit into a request by a job, as in the list."""
        chosen = list(rows.order_by().values_list("pk", flat=True)[: MOST_IN_JOB + 1])
        if len(chosen) > MOST_IN_REQUEST:
            start_deciding(request, chosen, action, note=read_note(request))
            return
        decides = action in DECIDES
        found = Conversation.objects
        allowed = found.reviewable_by(request.user) if decides else found.editable_by(request.user)
        self._apply(request, rows, verb, allowed=allowed, done=done)

    def _apply(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        verb: Callable[..., object],
        *,
        allowed: QuerySet[Any],
        done: str,
    ) -> None:
        by, note = get_person(request), read_note(request)
        apply_verb(request, rows, lambda each: verb(each, by=by, note=note), allowed=allowed, done=done)


def start_deciding(request: HttpRequest, chosen: Sequence[UUID], action: BulkAction, *, note: str) -> None:
    """Start the job that does it, and say where it is to be followed. It may do what the person may as a member."""
    try:
        done = decide_about_chosen(
            Conversation.objects.all(), chosen, action, by=get_person(request), note=note
        )
    except PermissionDenied:
        words = f"{ROLE_TOO_LOW} As a superuser you can do it with at most {MOST_IN_REQUEST:,} at once."
        messages.error(request, words if get_person(request).is_superuser else ROLE_TOO_LOW)
    except (TooMany, SeveralWorkspaces) as wrong:
        messages.error(request, f"{wrong} Nothing was changed.")
    else:
        if isinstance(done, BackgroundJob):
            link = format_html('<a href="{}">{}</a>', done.get_absolute_url(), done.name)
            messages.info(request, format_html("{}: this goes on in the background.", link))


def undo_newest(conversation: Conversation, *, by: User | None, note: str) -> None:
    conversation.undo(get_newest_decision(conversation), by=by, note=note)


def read_note(request: HttpRequest) -> str:
    """The note beside the chosen action, whose bounds `NoteForm` has checked. A page may have two such bars."""
    return next((note for note in request.POST.getlist("note") if note.strip()), "").strip()


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """Rows are only added; the newest decision about a conversation is taken back there."""

    list_display = ("created_at", "conversation", "who_name", "from_status", "to_status", "beginning")
    list_filter = ("to_status",)
    list_select_related = ("conversation",)
    list_defer = ("before",)
    search_fields = ("conversation__search",)
    search_help_text = "Id, title, persona, emotion, topic of the conversation"
    ordering = ("-created_at",)
    fields = (
        *("conversation", "who_name", "on_behalf_of", "from_status", "to_status", "note", "reasons"),
        *("revision", "undoes", "workspace", "created_at"),
    )
    detail_select_related = ("conversation", "workspace", "undoes")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_by_conversation(queryset, search_term), False

    @admin.display(description="Note")
    def beginning(self, decision: Decision) -> str:
        return Truncator(decision.note).chars(100)


def search_by_conversation(rows: QuerySet[Any], search_term: str) -> QuerySet[Any]:
    """The rows about conversations that match every word."""
    if not search_term.strip():
        return rows
    return rows.filter(conversation__in=search_words(Conversation.objects.all(), search_term))


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
        return search_by_conversation(queryset, search_term), False

    @admin.display(description="Content")
    def beginning(self, turn: Turn) -> str:
        return Truncator(turn.content).chars(100)


class DimensionScoreInline(ReadOnlyInline):
    model = DimensionScore
    fields = ("dimension", "score", "quote", "turn_number", "reason")


@admin.register(Judgement)
class JudgementAdmin(ReadOnlyAdmin):
    """What the judge said. It is only read: a judgement moves nothing."""

    list_display = ("created_at", "conversation", "rubric", "model", "simulated", "cost_usd")
    list_filter = ("simulated",)
    list_select_related = ("conversation", "rubric")
    search_fields = ("conversation__search",)
    search_help_text = "Id, title, persona, emotion, topic of the conversation"
    ordering = ("-created_at",)
    fields = (
        *("conversation", "rubric", "model", "simulated", "cost_usd", "content_hash", "batch_item"),
        *("workspace", "created_by", "created_at"),
    )
    inlines = (DimensionScoreInline,)
    detail_select_related = ("conversation", "rubric", "batch_item", "workspace", "created_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_by_conversation(queryset, search_term), False


@admin.register(DimensionScore)
class DimensionScoreAdmin(ReadOnlyAdmin):
    list_display = ("judgement", "dimension", "score", "turn_number", "created_at")
    list_filter = ("dimension",)
    list_select_related = ("judgement__conversation",)
    list_defer = ("quote", "reason")
    detail_select_related = ("judgement__conversation", "workspace", "created_by")
    ordering = ("-created_at",)


@admin.register(Rubric)
class RubricAdmin(ReadOnlyAdmin):
    """A version never changes; the settings page makes the next one."""

    list_display = ("workspace", "version", "created_by", "created_at")
    list_select_related = ("workspace", "created_by")
    search_fields = ("workspace__name",)
    ordering = ("-created_at",)
    fields = ("workspace", "version", "criteria", "created_by", "created_at")
    detail_select_related = ("workspace", "created_by")


@admin.register(IdCounter)
class IdCounterAdmin(ReadOnlyAdmin):
    list_display = ("slug", "workspace", "next_number")
    list_select_related = ("workspace",)
    search_fields = ("slug",)
    detail_select_related = ("workspace",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """A search in it may quote from conversations of any workspace: staff see their own ones, superusers all."""

    list_display = ("name", "user", "query", "updated_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("name",)
    fields = ("name", "user", "query", "created_at", "updated_at")
    detail_select_related = ("user",)

    def of_workspaces(self, rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
        return rows.filter(user=str(request.user.pk))
