"""Judgements as the judge writes them, and as rows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from batches.actions.judging import start_judging
from batches.models import BatchJob
from batches.planning.judging import plan_judging
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation
from conversations.states import JudgedDimension
from tests.factories import make_conversation
from workspaces.models import User

TALK = (
    "I don't know where to start — my savings are **all over the place**.",
    "Let's take it step by step. First, how much do you have in each account?",
    "About $4,000 in one and $12,500 in the other.",
    "Good. Three months of costs stay where you can reach them; the rest can be invested.",
)


def make_talk(by: User, **fields: Any) -> Conversation:
    return make_conversation(by=by, turns=TALK, **fields)


def make_answer(
    score: int = 7, quote: str = "Let's take it step by step.", **other: Mapping[str, Any]
) -> dict[str, Any]:
    """What the judge writes: the same for each dimension, but for those that are given."""
    return {
        name: {"score": score, "quote": quote, "reason": "It shows it.", **other.get(name, {})}
        for name in JudgedDimension.values
    }


def start_one_judgement(conversation: Conversation, by: User, **options: Any) -> BatchJob:
    plan = plan_judging(conversation.workspace, find_rubric(conversation.workspace), [conversation])
    return start_judging(plan, by=by, **{"budget_usd": Decimal(5), **options})
