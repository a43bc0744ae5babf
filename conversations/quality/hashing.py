"""Which content a conversation has, in 64 digits."""

import hashlib
import json
from collections.abc import Sequence

from conversations.quality.structure import SpokenTurn


def hash_turns(turns: Sequence[SpokenTurn]) -> str:
    """SHA-256 of roles and texts, in hexadecimal. The system message is no part of it."""
    content = json.dumps([[each.role, each.content] for each in turns], ensure_ascii=False)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()
