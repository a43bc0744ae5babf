"""Which conversations a person has chosen in the list: ticked rows, or all that its filter finds."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from conversations.models import ConversationQuerySet
from conversations.web.forms import FilterForm, read_filter

MOST_TICKED = 1_000
MOST_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to do, and with which: `revisions` are those of the ticked rows as the page showed them, by key.

    `everything`: all that `query` finds, whatever is ticked.
    """

    action: str
    query: str
    revisions: dict[UUID, int]
    everything: bool

    @classmethod
    def of(cls, given: QueryDict) -> "Selection":
        """What a form says. `one` is sent by the menu of a row: `archive KEY:REVISION`. Raises BadRequest, see `read_filter`."""
        action, _, one = given.get("one", "").partition(" ")
        ticked = [one] if one else given.getlist("id")[:MOST_TICKED]
        everything = bool(given.get("all")) and not one
        query = read_filter(given.get("filter", ""))
        action = action or given.get("action", "")
        return cls(action=action, query=query, revisions=_read_ticks(ticked), everything=everything)

    @property
    def is_empty(self) -> bool:
        return not (self.everything or self.revisions)

    @property
    def ticks(self) -> list[str]:
        """The ticked rows as a form sends them."""
        return [f"{key}:{revision}" for key, revision in self.revisions.items()]

    @property
    def priced_query(self) -> str:
        """The query string of the page that regenerates them, or lets the judge read them."""
        return self.query if self.everything else urlencode({"id": list(self.revisions)}, doseq=True)

    def find(self, rows: ConversationQuerySet) -> ConversationQuerySet:
        """Those of `rows`. Raises CannotFindAll, see `FilterForm.find_all`."""
        if not self.everything:
            return rows.filter(pk__in=self.revisions)
        return FilterForm(QueryDict(self.query)).find_all(rows)


def _read_ticks(ticked: list[str]) -> dict[UUID, int]:
    """By key, from `key:revision`. What is neither is left out."""
    found = {}
    for text in ticked:
        key, _, revision = text.partition(":")
        is_number = revision.isascii() and revision.isdigit() and len(revision) <= MOST_DIGITS
        try:
            found[UUID(key)] = int(revision) if is_number else 0
        except ValueError:
            continue
    return found
