"""TRL's prompt and completion: one row for a conversation, in which only the last answer is learned."""

from collections.abc import Iterable

from exports.formats.messages import make_messages
from exports.formats.records import Example, refuse
from exports.formats.writing import FormatOptions, Row, check_turns


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"prompt": [messages up to the last question], "completion": [the last answer]}."""
    return (divide(example, options),)


def divide(example: Example, options: FormatOptions) -> Row:
    """Raises ExportError for a conversation that does not end with a question and its answer."""
    *before, last = check_turns(example).turns
    if last.role != "assistant" or not before or before[-1].role != "user":
        refuse(example, "it does not end with a turn of the user and an answer")
    return {
        "prompt": make_messages(before, example, options),
        "completion": [{"role": last.role, "content": last.content}],
    }
