"""The peek panel: the beginning of one conversation beside the list, whose address names it as `?peek=`."""

from typing import NamedTuple
from uuid import UUID

from django.http import HttpRequest, QueryDict

from conversations.models import Conversation, ConversationQuerySet, Turn
from conversations.web.flags import FlagLine, describe_flags

PEEK = "peek"  # the name in the address
FIRST_TURNS = 6  # shown in the panel; the whole page has the others


class Peek(NamedTuple):
    """What the panel shows. Without `found`: it is not there, or in a workspace of other people, which looks the same."""

    found: Conversation | None
    turns: list[Turn]
    flags: list[FlagLine]

    @property
    def more(self) -> int:
        """How many turns only the whole page shows."""
        return max(0, self.found.turn_count - len(self.turns)) if self.found else 0


def read_peek(request: HttpRequest, visible: ConversationQuerySet) -> Peek | None:
    """What the address asks to peek at of these rows, in at most two queries; None where it asks for nothing."""
    wanted = request.GET.get(PEEK, "").strip()
    if not wanted:
        return None
    try:
        key = UUID(wanted)
    except ValueError:
        return Peek(None, [], [])
    found = visible.select_related("template_version").filter(pk=key).first()
    if found is None:
        return Peek(None, [], [])
    return Peek(found, list(found.turns.all()[:FIRST_TURNS]), describe_flags(found))


def write_list_query(query: QueryDict) -> str:
    """The query string of the list itself: its filters, order and page, without what is peeked at."""
    kept = query.copy()
    kept.pop(PEEK, None)
    return kept.urlencode()
