"""What a server means that answers with an error: which of the four errors it is, whatever its form and its wording.

`bodies` reads what an error says, in the forms of the servers that are known; `topics` finds what the words are about;
`refusals` decides what the caller must do.
"""

from claude.meaning.bodies import holds_error, is_page
from claude.meaning.refusals import from_answer, from_event, from_page, from_response

__all__ = ["from_answer", "from_event", "from_page", "from_response", "holds_error", "is_page"]
