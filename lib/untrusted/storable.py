"""Which texts can be stored: PostgreSQL takes neither NUL nor half of a surrogate pair."""

import re

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def name_unstorable(text: str) -> str | None:
    """Words for the first character that cannot be stored, without the name of its place; None where all can."""
    found = UNSTORABLE.search(text)
    if found is None:
        return None
    return f"contains U+{ord(found.group()):04X} at character {found.start() + 1}; remove it"
