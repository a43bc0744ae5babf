"""Conversations with their turns, versions and decisions, and what the judge says about them."""

from conversations.models.conversations import Conversation
from conversations.models.decisions import Decision, DecisionQuerySet
from conversations.models.judgements import DimensionScore, Judgement, JudgementQuerySet, Rubric
from conversations.models.querysets import ConversationQuerySet
from conversations.models.saved_views import SavedView
from conversations.models.turns import IdCounter, Turn

__all__ = [
    "Conversation",
    "ConversationQuerySet",
    "Decision",
    "DecisionQuerySet",
    "DimensionScore",
    "IdCounter",
    "Judgement",
    "JudgementQuerySet",
    "Rubric",
    "SavedView",
    "Turn",
]
