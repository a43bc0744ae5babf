"""The flags of a conversation in sentences, each at the turn that it is about."""

from typing import NamedTuple

from conversations.models import Conversation
from conversations.quality import read_flags
from templates_app.text.rendering import add_turn_range


class FlagLine(NamedTuple):
    """`turn` is the number of the turn, or None for the whole conversation. `of`: the key of the other one of two that are alike."""

    turn: int | None
    words: str
    label: str = ""
    quote: str = ""
    of: str = ""


def describe_flags(found: Conversation) -> list[FlagLine]:
    """What a reviewer should know, hard flags first."""
    return [
        FlagLine(flag.turn, _describe_turn_range(found), flag.label)
        if flag.kind == "turn_range"
        else FlagLine(flag.turn, flag.explanation, flag.label, flag.quote, flag.of)
        for flag in read_flags(found.flags)
    ]


def _describe_turn_range(found: Conversation) -> str:
    version = found.template_version
    if version is None:
        return f"It has {found.turn_count} turns."
    line = add_turn_range("", version.turns_min, version.turns_max)
    wanted = line.strip().removeprefix("Number of turns: ")
    return f"It has {found.turn_count} turns; its template asks for {wanted}"
