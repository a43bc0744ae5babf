"""The flags of a conversation in sentences, each at the turn that it is about."""

from typing import NamedTuple

from conversations.models import Conversation
from conversations.parsing.checks import ROLE_LABELS
from conversations.scoring import TURN_RANGE
from templates_app.text.rendering import add_turn_range


class FlagLine(NamedTuple):
    """`turn` is the number of the turn, or None for the whole conversation."""

    turn: int | None
    words: str


def describe_flags(found: Conversation) -> list[FlagLine]:
    """What a reviewer should know."""
    version = found.template_version
    wanted = (
        add_turn_range("", version.turns_min, version.turns_max).strip().removeprefix("Number of turns: ")
        if version
        else ""
    )
    words = {
        ROLE_LABELS: "Each turn began with the name of its role, which was taken away.",
        TURN_RANGE: f"It has {found.turn_count} turns; its template asks for {wanted}",
    }
    return [FlagLine(None, words.get(flag, str(flag))) for flag in found.flags]
