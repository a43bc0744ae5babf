"""Conversations with their turns, versions and decisions."""

from conversations.models.conversations import Conversation
from conversations.models.decisions import Decision, DecisionQuerySet
from conversations.models.querysets import ConversationQuerySet
from conversations.models.turns import IdCounter, Turn

__all__ = ["Conversation", "ConversationQuerySet", "Decision", "DecisionQuerySet", "IdCounter", "Turn"]
