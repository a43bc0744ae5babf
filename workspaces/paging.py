"""Pages of a list, bounded: nobody pays for an exact count beyond ten thousand or for an endless offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

LIMIT = 10_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of rows; `previous` and `next` are query strings (`?page=2&...`) or empty."""

    rows: Sequence[Any]
    number: int
    first: int
    last: int
    count: int
    total: str
    previous: str
    next: str


def page_of(rows: "QuerySet[Any]", request: HttpRequest, *, per: int) -> Page:
    """The page that `?page=` names; a number beyond the end gives the last page."""
    found = rows.order_by()[: LIMIT + 1].count()
    count = min(found, LIMIT)
    last_page = max(1, -(-count // per))
    number = min(wanted_number(request), last_page)
    start = (number - 1) * per
    shown = list(rows[start : start + per]) if count else []
    return Page(
        rows=shown,
        number=number,
        first=start + 1 if shown else 0,
        last=start + len(shown),
        count=count,
        total=f"{count:,}+" if found > LIMIT else f"{count:,}",
        previous=link_to(request, number - 1) if number > 1 else "",
        next=link_to(request, number + 1) if number < last_page else "",
    )


def wanted_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def link_to(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"{request.path}?{query.urlencode()}"
