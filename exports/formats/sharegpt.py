"""ShareGPT, which LLaMA-Factory, Unsloth and Axolotl take."""

from collections.abc import Iterable

from exports.formats.messages import make_messages
from exports.formats.records import Example, refuse
from exports.formats.writing import FormatOptions, Row, check_turns

NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"conversations": [{"from": ..., "value": ...}, ...]}.

    The system prompt is the first message and not a column `system`, which Unsloth would not read. Each message has exactly
    two keys, which Unsloth requires.
    """
    messages = make_messages(check_turns(example).turns, example, options)
    strange = next((each["role"] for each in messages if each["role"] not in NAMES), None)
    if strange is not None:
        refuse(example, f"a turn has the role “{strange}”, which ShareGPT does not have")
    return (
        {"conversations": [{"from": NAMES[each["role"]], "value": each["content"]} for each in messages]},
    )
