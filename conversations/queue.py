"""The review queue: its orders, and the conversations before and after one of them in an order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models

from conversations.models import Conversation, ConversationQuerySet
from lib.paging import LIMIT


class QueueOrder(models.TextChoices):
    FLAGGED = "flagged", "Flagged first"
    LOWEST = "lowest", "Lowest score first"
    OLDEST = "oldest", "Oldest first"
    RANDOM = "random", "Random"


# Each order has a partial index with these columns behind the workspace. Ids are random. No score comes after every score.
COLUMNS = {
    QueueOrder.FLAGGED: ("-flag_count", "quality_score", "created_at", "id"),
    QueueOrder.LOWEST: ("quality_score", "created_at", "id"),
    QueueOrder.OLDEST: ("created_at", "id"),
    QueueOrder.RANDOM: ("id",),
}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How many conversations wait for a decision, and how many of these have flags. Both are exact up to `most`."""

    count: int
    flagged: int
    most: int = LIMIT

    @property
    def words(self) -> str:
        return self._write(self.count)

    @property
    def flagged_words(self) -> str:
        return self._write(self.flagged)

    def _write(self, count: int) -> str:
        return f"{self.most:,}+" if count > self.most else f"{count:,}"


def count_waiting(rows: ConversationQuerySet, *, most: int = LIMIT) -> Waiting:
    """In one query, which ends behind `most` rows; flagged ones come first in its index."""
    first = rows.undecided().order_by("-flag_count").values("flag_count")[: most + 1]
    flagged = models.Count("flag_count", filter=models.Q(flag_count__gt=0))
    return Waiting(**first.aggregate(count=models.Count("*"), flagged=flagged), most=most)


def order_queue(rows: ConversationQuerySet, order: QueueOrder) -> ConversationQuerySet:
    return rows.order_by(*COLUMNS[order])


def list_after(
    rows: ConversationQuerySet, order: QueueOrder, place: Conversation, *, most: int = 1
) -> list[Conversation]:
    """The next rows behind `place`, nearest first, at most `most`. `place` itself need not be in the queue any more."""
    return _list_beyond(rows, COLUMNS[order], place, most)


def list_before(
    rows: ConversationQuerySet, order: QueueOrder, place: Conversation, *, most: int = 1
) -> list[Conversation]:
    """The rows in front of `place`, nearest first, at most `most`."""
    turned = tuple(name[1:] if name.startswith("-") else f"-{name}" for name in COLUMNS[order])
    return _list_beyond(rows, turned, place, most)


def _list_beyond(
    rows: ConversationQuerySet, columns: tuple[str, ...], place: Conversation, most: int
) -> list[Conversation]:
    """Each range is one short scan of the index. Joined by OR they would be a filter over all rows of the queue."""
    found: list[Conversation] = []
    # PostgreSQL puts NULL last in ascending order and first in descending order: the index has it so, and this relies on it.
    for condition in _list_ranges(columns, place):
        if len(found) == most:
            break
        found += rows.filter(condition).order_by(*columns)[: most - len(found)]
    return found


def _list_ranges(columns: tuple[str, ...], place: Conversation) -> Iterator[models.Q]:
    """The ranges beyond `place`, nearest first: those that share most of its values, then those that share fewer."""
    for last in reversed(range(len(columns))):
        same = models.Q()
        for name in columns[:last]:
            same &= _equal(name.removeprefix("-"), place)
        for beyond in _list_beyond_value(columns[last], place):
            yield same & beyond


def _list_beyond_value(column: str, place: Conversation) -> Iterator[models.Q]:
    name, descending = column.removeprefix("-"), column.startswith("-")
    value: Any = getattr(place, name)
    if value is None:
        if descending:
            yield models.Q((f"{name}__isnull", False))
        return
    yield models.Q((f"{name}__lt" if descending else f"{name}__gt", value))
    if not descending and Conversation._meta.get_field(name).null:
        yield models.Q((f"{name}__isnull", True))


def _equal(name: str, place: Conversation) -> models.Q:
    value = getattr(place, name)
    return models.Q((f"{name}__isnull", True)) if value is None else models.Q((name, value))
