"""Pages of a list. Counting stops at ten thousand rows, so that no list is slow because of its length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

LIMIT = 10_000


def count_up_to_limit(rows: "QuerySet[Any]", *, limit: int | None = None) -> tuple[int, bool]:
    """(count, more): the exact count up to `limit`, by default `LIMIT`; for longer lists the limit and True."""
    limit = limit or LIMIT
    found = rows.order_by().values("pk")[: limit + 1].count()  # the key alone, whatever else the list shows
    return min(found, limit), found > limit


@dataclass(frozen=True)
class Part:
    """Some rows of an ordered list, and the count of the whole list. `more` means that it is longer than `LIMIT`."""

    rows: list[Any]
    count: int
    more: bool


def fetch_part(
    rows: "QuerySet[Any]",
    start: int,
    size: int,
    *,
    searched: bool = False,
    keys: Sequence[Any] | None = None,
    counted: int | None = None,
    clamp: bool = False,
) -> Part:
    """Up to `size` rows from `start`. With `clamp`, a start beyond the end gives the last page of `size` rows.

    The keys are fetched first, from the index alone, and then the wide rows by key. At an offset of 5,000 of 10,000
    conversations this takes 2 ms instead of 86, because the skipped rows are not read. In a search (`searched`) finding
    the rows is the slow part, so one query fetches all keys, at most `LIMIT`, and their number is the count. `keys`: those
    of all `rows` in their order, where a search knows them already. `counted`: the number of `rows`, where it is known;
    then these are all rows of something, and the first part, which skips nothing, is fetched at once. Through a filter the
    database might read and sort all wide rows that match.
    """
    if searched and keys is None:
        keys = list(rows.values_list("pk", flat=True)[: LIMIT + 1])
    known = counted if keys is None else len(keys)
    count, more = count_up_to_limit(rows) if known is None else (min(known, LIMIT), known > LIMIT)
    if clamp and count:
        start = min(start, (count - 1) // size * size)
    if keys is None and counted is not None and start == 0:
        return Part(list(rows[:size]) if count else [], count, more)
    if keys is None:
        keys = list(rows.values_list("pk", flat=True)[start : start + size]) if more or count > start else []
    else:
        keys = keys[start : start + size]
    return Part(_fetch_by_key(rows, keys) if keys else [], count, more)


def _fetch_by_key(rows: "QuerySet[Any]", keys: Sequence[Any]) -> list[Any]:
    """The rows of these keys, which passed the filters a moment ago. Asking the filters again of so few costs nothing."""
    return list(rows.filter(pk__in=keys))


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of rows. `previous` and `next` are links to other pages (`/path?page=2&...`) or empty."""

    rows: Sequence[Any]
    number: int
    first: int
    last: int
    count: int
    total: str
    previous: str
    next: str


class Address(NamedTuple):
    """The page that a reader has open: its path and its query string. A request that only refreshes it has others."""

    path: str
    query: QueryDict

    @classmethod
    def of(cls, request: HttpRequest) -> "Address":
        return cls(request.path, request.GET)

    def read_page_number(self) -> int:
        text = self.query.get("page", "1")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1

    def link_to(self, number: int) -> str:
        query = self.query.copy()
        query["page"] = str(number)
        return f"{self.path}?{query.urlencode()}"


def fetch_page(
    rows: "QuerySet[Any]",
    request: HttpRequest,
    *,
    per: int,
    searched: bool = False,
    keys: Sequence[Any] | None = None,
    counted: int | None = None,
    address: Address | None = None,
) -> Page:
    """The page with the number in `?page=`. A number beyond the end gives the last page.

    For `searched`, `keys` and `counted` see `fetch_part`. `address` is given when the request is not for the page that the reader has open.
    """
    shown = address or Address.of(request)
    wanted = shown.read_page_number()
    start = (wanted - 1) * per
    part = fetch_part(rows, start, per, searched=searched, keys=keys, counted=counted, clamp=True)
    last_page = max(1, -(-part.count // per))
    number = min(wanted, last_page)
    start = (number - 1) * per
    return Page(
        rows=part.rows,
        number=number,
        first=start + 1 if part.rows else 0,
        last=start + len(part.rows),
        count=part.count,
        total=f"{part.count:,}+" if part.more else f"{part.count:,}",
        previous=shown.link_to(number - 1) if number > 1 else "",
        next=shown.link_to(number + 1) if number < last_page else "",
    )


def cut_page(rows: Sequence[Any], request: HttpRequest, *, per: int) -> Page:
    """The same for rows that are in memory already."""
    address = Address.of(request)
    last_page = max(1, -(-len(rows) // per))
    number = min(address.read_page_number(), last_page)
    start = (number - 1) * per
    shown = rows[start : start + per]
    return Page(
        rows=shown,
        number=number,
        first=start + 1 if shown else 0,
        last=start + len(shown),
        count=len(rows),
        total=f"{len(rows):,}",
        previous=address.link_to(number - 1) if number > 1 else "",
        next=address.link_to(number + 1) if number < last_page else "",
    )
