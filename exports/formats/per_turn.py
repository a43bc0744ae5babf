"""One row for each answer, for trainers that learn only the last message of a row (mlx-lm with --mask-prompt)."""

from collections.abc import Iterable

from exports.formats.messages import make_messages
from exports.formats.records import Example, refuse
from exports.formats.writing import FormatOptions, Row, check_turns


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"messages": [...]} up to each answer. An answer that is not to be trained has no row of its own."""
    turns = check_turns(example).turns
    if not any(turn.role == "assistant" for turn in turns):
        refuse(example, "it has no answer")
    ends = [at for at, turn in enumerate(turns, start=1) if turn.role == "assistant" and turn.train]
    return [{"messages": make_messages(turns[:end], example, options)} for end in ends]
