"""The query string of the conversation list, and conversations as JSON."""

from typing import Any

from rest_framework import serializers

from conversations.api.decisions import serialize_history
from conversations.bulk import TooCommon
from conversations.models import Conversation, ConversationQuerySet, Turn
from conversations.models.search import SearchResult, search_conversations
from conversations.quality.flags import KINDS
from conversations.states import Status
from lib.wire import (
    BY_CREATION,
    MomentField,
    OrderingField,
    PageQuery,
    StrictSerializer,
    about_dollars,
    camelize,
    dollars,
    moment,
)
from templates_app.states import Tier

# Columns that a list does not show are not loaded, because values and metrics can be large.
NOT_IN_LISTS = ("parameters", "quality_metrics", "bands", "search", "error_message", "system_prompt")
# The columns of other tables that a list does show.
SHOWN_OF_RELATED = {"approved_by": ("id", "username"), "template_version": ("id", "template", "number")}
LONGEST_SEARCH = 200


def make_score_field(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=3, decimal_places=1, min_value=0, max_value=10, allow_null=True, **options
    )


class ConversationsFilter(StrictSerializer):
    """Which conversations: the filters of the list, of the queue and of decisions about many."""

    several: tuple[str, ...] = ("tier", "status", "flag")

    tier = serializers.MultipleChoiceField(choices=Tier.choices, default=set)
    status = serializers.MultipleChoiceField(choices=Status.choices, default=set)
    qualityScoreMin = make_score_field(default=None)
    qualityScoreMax = make_score_field(default=None)
    createdFrom = MomentField(default=None)
    createdTo = MomentField(default=None, end=True)
    search = serializers.CharField(max_length=LONGEST_SEARCH, default="")
    batch = serializers.UUIDField(default=None)
    importJob = serializers.UUIDField(default=None)
    undecided = serializers.BooleanField(default=None, allow_null=True)
    flagged = serializers.BooleanField(default=None, allow_null=True)
    flag = serializers.MultipleChoiceField(choices=list(KINDS), default=set)
    flaggedSinceDecision = serializers.BooleanField(default=None, allow_null=True)


class ConversationsQuery(ConversationsFilter, PageQuery):
    """The query string of the list."""

    ordering = OrderingField(
        {**BY_CREATION, "qualityScore": ("quality_score", "created_at", "id")}, nullable=["quality_score"]
    )


def find_conversations(
    rows: ConversationQuerySet, query: dict[str, Any], *, enough: int | None = None
) -> SearchResult[ConversationQuerySet]:
    """The conversations that match a query string in their newest version, the newest first.

    The search comes last, because its bound counts what the filters leave. `enough`: so many of the newest will do.
    """
    rows = rows.heads()
    if query["tier"]:
        rows = rows.filter(tier__in=query["tier"])
    if query["status"]:
        rows = rows.filter(status__in=query["status"])
    if query["batch"]:
        rows = rows.of_job(query["batch"])
    if query["importJob"]:
        rows = rows.filter(import_job=query["importJob"])
    if query["undecided"] is not None:
        rows = rows.undecided() if query["undecided"] else rows.filter(decided_at__isnull=False)
    if query["flagged"] is not None:
        rows = rows.filter(flag_count__gt=0) if query["flagged"] else rows.filter(flag_count=0)
    if query["flag"]:
        rows = rows.flagged_with(query["flag"])
    if query["flaggedSinceDecision"] is not None:
        rows = rows.filter(flagged_since_decision=query["flaggedSinceDecision"])
    rows = rows.scored_between(query["qualityScoreMin"], query["qualityScoreMax"])
    rows = rows.created_between(query["createdFrom"], query["createdTo"]).newest_first()
    return search_conversations(rows, query["search"], enough=enough)


def filter_conversations(rows: ConversationQuerySet, query: dict[str, Any]) -> ConversationQuerySet:
    """Those to act on. Raises ValidationError for a search that cannot find all of them."""
    found = find_conversations(rows, query)
    if found.is_partial:
        raise serializers.ValidationError({"filter": [str(TooCommon())]})
    return found.rows


def describe_search(found: SearchResult[ConversationQuerySet]) -> dict[str, Any]:
    """`searchedNewest`: how many of the newest conversations were looked through, where that was not all."""
    return {"searchedNewest": found.looked_at} if found.is_partial else {}


def select_for_list(rows: ConversationQuerySet) -> ConversationQuerySet:
    unused = [
        f"{name}__{field}"
        for name, used in SHOWN_OF_RELATED.items()
        for field in _list_columns(name)
        if field not in used
    ]
    return rows.select_related(*SHOWN_OF_RELATED).defer(*NOT_IN_LISTS, *unused)


def _list_columns(related: str) -> list[str]:
    model: Any = Conversation._meta.get_field(related).related_model
    return [field.name for field in model._meta.concrete_fields]


def serialize_summary(conversation: Conversation) -> dict[str, Any]:
    """A conversation without its turns. `conversationId` is the id for people, `id` the one for URLs."""
    return {
        "id": conversation.pk,
        "conversationId": conversation.conversation_id,
        **_serialize_origin(conversation),
        **_serialize_review(conversation),
        **_serialize_counts(conversation),
        "createdAt": moment(conversation.created_at),
        "updatedAt": moment(conversation.updated_at),
    }


def _serialize_origin(conversation: Conversation) -> dict[str, Any]:
    version = conversation.template_version
    return {
        "version": conversation.version,
        "isNewest": conversation.is_head,
        "revision": conversation.revision,
        "title": conversation.title,
        "persona": conversation.persona,
        "emotion": conversation.emotion,
        "topic": conversation.topic,
        "intent": conversation.intent,
        "tone": conversation.tone,
        "tier": conversation.tier,
        "category": conversation.category,
        "language": conversation.language,
        "source": conversation.source,
        "externalId": conversation.external_id or None,
        "simulated": conversation.simulated,
        "model": conversation.model,
        "jobId": conversation.origin_job_id,
        "templateId": version and version.template_id,
        "templateVersion": version and version.number,
        "parentId": conversation.parent_id,
    }


def _serialize_review(conversation: Conversation) -> dict[str, Any]:
    by = conversation.approved_by
    score, override = conversation.quality_score, conversation.score_override
    return {
        "status": conversation.status,
        "qualityScore": None if score is None else float(score),
        "qualityScoreOverride": None if override is None else float(override),
        "qualityScoreOverrideNote": conversation.score_override_note,
        "flags": conversation.flags,
        "approvedBy": by and by.username,
        "approvedAt": moment(conversation.approved_at),
        "decidedAt": moment(conversation.decided_at),
        "flaggedSinceDecision": conversation.flagged_since_decision,
        "reviewerNotes": conversation.reviewer_notes,
    }


def _serialize_counts(conversation: Conversation) -> dict[str, Any]:
    return {
        "turnCount": conversation.turn_count,
        "totalTokens": conversation.total_tokens,
        "actualCost": about_dollars(conversation.actual_cost_usd),
        "actualCostUsd": dollars(conversation.actual_cost_usd),
        "generationDurationMs": conversation.generation_duration_ms,
    }


def serialize_conversation(conversation: Conversation) -> dict[str, Any]:
    """A conversation with its turns, its values, the metrics of its score, and the decisions about all its versions."""
    return {
        **serialize_summary(conversation),
        "parameters": conversation.parameters,
        "systemPrompt": conversation.system_prompt,
        "qualityMetrics": camelize(conversation.quality_metrics),
        "errorMessage": conversation.error_message or None,
        "changeNote": conversation.change_note,
        "turns": [_serialize_turn(turn) for turn in conversation.turns.all()],
        "reviewHistory": serialize_history(conversation),
    }


def _serialize_turn(turn: Turn) -> dict[str, Any]:
    return {
        "turnNumber": turn.turn_number,
        "role": turn.role,
        "content": turn.content,
        "tokenCount": turn.token_count,
    }
