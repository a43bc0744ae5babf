"""The decisions about a conversation as JSON."""

from typing import Any

from rest_framework import serializers

from conversations.models import Conversation, Decision
from lib.wire import MomentField

MOST_SHOWN = 500  # the newest ones; a conversation has a few


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """One decision about one version. `before` and `after` are statuses; `undoes` is the decision that it takes back."""

    version = serializers.IntegerField(source="conversation.version")
    conversationVersionId = serializers.UUIDField(source="conversation_id")
    fromStatus = serializers.CharField(source="from_status")
    toStatus = serializers.CharField(source="to_status")
    by = serializers.CharField(source="who_name")
    onBehalfOf = serializers.SerializerMethodField()
    undoes = serializers.UUIDField(source="undoes_id", allow_null=True)
    at = MomentField(source="created_at")

    class Meta:
        model = Decision
        fields = (
            *("id", "version", "conversationVersionId", "fromStatus", "toStatus", "by", "onBehalfOf"),
            *("at", "note", "reasons", "revision", "undoes"),
        )
        read_only_fields = fields

    def get_onBehalfOf(self, decision: Decision) -> str | None:
        return decision.on_behalf_of or None


def serialize_history(conversation: Conversation) -> list[dict[str, Any]]:
    """The decisions about all versions of this conversation, oldest first."""
    rows = Decision.objects.of_chain(conversation.root_id).select_related("conversation")
    light = rows.only(*_columns(), "conversation__version")[:MOST_SHOWN]
    return [dict(DecisionSerializer(each).data) for each in reversed(light)]


def _columns() -> tuple[str, ...]:
    return (
        *("id", "conversation_id", "from_status", "to_status", "who_name", "on_behalf_of", "created_at"),
        *("note", "reasons", "revision", "undoes_id"),
    )
