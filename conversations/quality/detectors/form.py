"""What the number and the length of the turns say."""

from collections.abc import Iterator, Sequence

from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

SHORTEST_ANSWER = (
    12  # characters without blanks at the ends; "I see." and "はい。" are no answers of an assistant
)
LONGEST_TURN = 6_000  # characters; about 1,000 words, which nobody says in a conversation


def find_turn_range(turns: Sequence[PreparedTurn], lowest: int | None, highest: int | None) -> Iterator[Flag]:
    """One flag when there are fewer or more turns than the template asks for."""
    count = len(turns)
    if count < (lowest or 0) or (highest is not None and count > highest):
        yield Flag("turn_range", None, f"{count} turns")


def find_lengths(turns: Sequence[PreparedTurn]) -> Iterator[Flag]:
    """A flag for each answer that says almost nothing, but for the last one, and for each turn that is far too long."""
    for turn in turns:
        length = len(turn.content.strip())
        if length > LONGEST_TURN:
            yield Flag("long_turn", turn.number, f"{length} characters")
        elif turn.role == "assistant" and length < SHORTEST_ANSWER and turn.number < len(turns):
            yield Flag("short_turn", turn.number, cut_quote(turn.content, 0, 0))
