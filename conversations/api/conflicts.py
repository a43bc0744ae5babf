"""The answer to a change that comes too late: what the conversation is now, so that the caller can decide again."""

from typing import Any

from conversations.models import Conversation
from lib.stale_state import StaleState


class Conflict(Exception):
    """A refused change, with the conversation as it is now under `current`. The API answers it with HTTP 409."""

    def __init__(self, refused: StaleState, conversation: Conversation) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.current = describe_current(conversation)


def describe_current(conversation: Conversation) -> dict[str, Any]:
    """Status and revision of the newest version, read anew; `id` names it. Empty when it has been deleted."""
    found = Conversation.objects.filter(root=conversation.root_id, is_head=True)
    row = found.values("id", "version", "status", "revision").first()
    return dict(row or {})
