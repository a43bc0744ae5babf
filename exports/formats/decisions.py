"""TRL's KTO: a row for a conversation that a person approved or rejected, with that decision as its label."""

from collections.abc import Iterable

from exports.formats.prompt_completion import divide
from exports.formats.records import Example, refuse
from exports.formats.writing import FormatOptions, Row


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"prompt": [...], "completion": [the last answer], "label": true or false}. Raises ExportError without a label."""
    if example.label is None:
        refuse(example, "nobody has approved or rejected it")
    return ({**divide(example, options), "label": example.label},)
