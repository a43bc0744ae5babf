"""The columns of a file for reviewers. Pure."""

from typing import Any

ID, VERSION, REVISION = "conversation_id", "version", "revision"
DECISION, REASONS, NOTE, REVIEWER = "decision", "reasons", "note", "reviewer"
SHOWN = ("title", "persona", "tier", "status", "score", "flags")
TO_FILL = (DECISION, REASONS, NOTE, REVIEWER)
EDITED = "edited_turn_"
MOST_TURNS = 400


def list_columns(turns: int) -> list[str]:
    """The columns of a file whose longest conversation has so many turns: each turn with a place for its edited text."""
    pairs = [name for number in range(1, turns + 1) for name in (f"turn_{number}", f"{EDITED}{number}")]
    return [ID, VERSION, REVISION, *SHOWN, *TO_FILL, *pairs]


def describe_columns(reasons: str) -> list[dict[str, Any]]:
    """The columns for a page: name, whether it is required, what it holds."""
    return [
        *({"name": name, "required": True, "about": "leave it as it is"} for name in (ID, VERSION, REVISION)),
        {
            "name": DECISION,
            "required": False,
            "about": "approve, reject or needs_revision; empty: no decision",
        },
        {"name": REASONS, "required": False, "about": f"words with , or ; between them: {reasons}"},
        {"name": NOTE, "required": False, "about": "why"},
        {"name": REVIEWER, "required": False, "about": "who has decided; it stands in the history"},
        {"name": "turn_1", "required": False, "about": "to read; what is changed here is not taken"},
        {"name": f"{EDITED}1", "required": False, "about": "its new text; empty: it stays"},
    ]
