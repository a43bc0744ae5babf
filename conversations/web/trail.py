"""From one conversation to the next: the list that a conversation was opened from, and its neighbours in it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from django.urls import reverse

from conversations.models import Conversation
from conversations.web.forms import IN_PLAN_ORDER, FilterForm, read_filter
from lib.paging import LIMIT
from workspaces.models import User

PER_PAGE = 50  # rows on a page of the list, and of the items of a batch


@dataclass(frozen=True, kw_only=True)
class Trail:
    """Where a reader stands in a list. `place` counts from 1, and is 0 when the conversation is not in the list any more.

    `list_url` leads back to the list, to the row of this conversation; `batch` is set when the list is that of a batch.
    """

    list_url: str
    previous: str
    next: str
    place: int
    count: str
    batch: UUID | None


def find_trail(found: Conversation, *, query: str, user: User | AnonymousUser) -> Trail:
    """The place of a conversation in the list that the query string of the list describes. One query, at most 10,000 keys.

    Raises BadRequest, see `read_filter`.
    """
    form = FilterForm(QueryDict(read_filter(query)))
    rows = form.apply(Conversation.objects.visible_to(user))
    keys = list(rows.values_list("pk", flat=True)[: LIMIT + 1])
    more, keys = len(keys) > LIMIT, keys[:LIMIT]
    place = keys.index(found.pk) + 1 if found.pk in keys else 0
    batch: UUID | None = form.chosen("batch") if form.order == IN_PLAN_ORDER else None
    return Trail(
        list_url=_link_to_list(found, query, place=place, batch=batch),
        previous=_link(keys[place - 2], query) if place > 1 else "",
        next=_link(keys[place], query) if 0 < place < len(keys) else "",
        place=place,
        count=f"{len(keys):,}{'+' if more else ''}",
        batch=batch,
    )


def _link(key: UUID, query: str) -> str:
    address = reverse("conversation", args=[key])
    return f"{address}?{urlencode({'back': query})}" if query else address


def _link_to_list(found: Conversation, query: str, *, place: int, batch: UUID | None) -> str:
    if batch is not None:
        item: Any = found.root.batch_item
        page = (item.position - 1) // PER_PAGE + 1 if item else 1
        address = reverse("batch", args=[batch])
        return f"{address}{f'?page={page}' if page > 1 else ''}{f'#item-{item.pk}' if item else ''}"
    shown = QueryDict(query, mutable=True)
    if place:
        shown["page"] = str((place - 1) // PER_PAGE + 1)
        if shown["page"] == "1":
            del shown["page"]
    address = reverse("conversations")
    return f"{address}{'?' if shown else ''}{shown.urlencode()}#conversation-{found.pk}"
