"""Details: named lines that an item adds to its prompt beside the template's own values. Pure Python.

The description of a chosen option, what diversity draws, and a person's own keys and values all travel this way.
They come after the rendered text, so that what a batch shares stays in front and can be cached.
"""

from collections.abc import Mapping

HEADING = "Details of this conversation. Follow them; do not quote them."
# Those with a place of their own come first, in this order; the others follow by name.
FIRST = (
    *("persona", "emotion", "topic", "intent", "tone"),
    *("setting", "register", "length", "opening", "obstacle"),
)


def with_details(prompt: str, details: Mapping[str, str]) -> str:
    """The prompt and, below it, a line for each detail that says something; the same details, the same bytes."""
    lines = [f"- {name}: {details[name]}" for name in in_order(details) if details[name].strip()]
    return "\n".join([prompt.rstrip("\n"), "", HEADING, *lines]) + "\n" if lines else prompt


def in_order(details: Mapping[str, str]) -> list[str]:
    """The names as people see them: the known ones first."""
    known = [name for name in FIRST if name in details]
    return known + sorted(details.keys() - set(FIRST))
