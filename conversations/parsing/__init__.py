"""From Claude's reply to the turns of a conversation: tolerant of packaging, strict about content.

`reading` is the way of a reply, top to bottom. `candidates` finds what could be the conversation in a text, `repair` decodes
JSON with a few certain repairs, `shape` brings the known ways to write a conversation into one, `checks` says what is wrong with it.
"""

from conversations.parsing.reading import read
from conversations.parsing.shape import SCHEMA, SHAPE_IN_WORDS, Draft, TurnDraft

__all__ = ["SCHEMA", "SHAPE_IN_WORDS", "Draft", "TurnDraft", "read"]
