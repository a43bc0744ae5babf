"""Shared code of the APIs: strict bodies, pages by limit and offset, and money and times in JSON."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers
from rest_framework.request import Request

from lib.amounts import format_number
from lib.paging import fetch_part
from lib.untrusted.json_bodies import MOST_PROBLEMS

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
LARGEST_OFFSET = 1_000_000
MINUTE, HOUR = 60, 3600


# --- requests ----------------------------------------------------------------------------------------


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, so that a misspelt `budgetUSD` does not start a batch without its budget.

    `later` names fields of the design that this version does not have, and what to do instead. A `userId` is ignored,
    because the caller is the person who signed in.
    """

    later: Mapping[str, str] = {}

    def to_internal_value(self, data: Any) -> Any:
        problems = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as wrong:
            raise serializers.ValidationError({**_as_mapping(wrong.detail), **problems}) from wrong
        if problems:
            raise serializers.ValidationError(problems)
        return value

    def _unknown(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return {}
        known = ", ".join(self.fields)
        unknown = [str(name) for name in data if name not in self.fields and name != "userId"]
        problems: dict[str, Any] = {
            name: [self.later.get(name, f"This field is not known. Known are: {known}.")]
            for name in unknown[:MOST_PROBLEMS]
        }
        if len(unknown) > MOST_PROBLEMS:
            problems[""] = [f"{len(unknown) - MOST_PROBLEMS:,} more fields are not known."]
        return problems


def _as_mapping(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"": detail}


class MomentField(serializers.Field[datetime, Any, str | None, Any]):
    """An ISO date or time, in UTC if it has no zone. A date means its first moment, or with `end` its last."""

    def __init__(self, *, end: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.end = end

    def to_internal_value(self, data: Any) -> datetime:
        try:
            if not isinstance(data, str):
                raise ValueError(data)
            day = parse_date(data) if len(data) == len("2026-01-01") else None
            found = datetime.combine(day, time()) if day else parse_datetime(data)
            if found is None:
                raise ValueError(data)
            aware = found if timezone.is_aware(found) else timezone.make_aware(found)
            return aware.astimezone(timezone.get_current_timezone()) + timedelta(
                days=1 if day and self.end else 0
            )
        except (ValueError, OverflowError) as exc:
            raise serializers.ValidationError(
                "Write a date or a time, such as 2026-11-22 or 2026-11-22T10:30:00Z."
            ) from exc

    def to_representation(self, value: datetime) -> str | None:
        return moment(value)


class QueryString(StrictSerializer):
    """A query string. Fields in `several` may be repeated or separated by commas."""

    several: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """The values of the query string; empty ones are ignored. Raises ValidationError with every problem."""
        given = request.query_params
        values: dict[str, Any] = {}
        for name in given:
            texts = [text for text in given.getlist(name) if text]
            if name in cls.several:
                texts = [word for text in texts for word in text.split(",") if word]
            if texts:
                values[name] = texts if name in cls.several else texts[-1]
        return validate(cls(data=values))


class PageQuery(QueryString):
    """The query string of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=LARGEST_LIMIT, default=DEFAULT_LIMIT)
    offset = serializers.IntegerField(min_value=0, max_value=LARGEST_OFFSET, default=0)


class OrderingField(serializers.ChoiceField):
    """The order of a list: one of these names, with a minus for descending. `columns` of each end in one that is unique.

    Its value are the columns for `order_by`. Rows without a value in a column of `nullable` come last.
    """

    def __init__(
        self, columns: Mapping[str, Sequence[str]], *, nullable: Sequence[str] = (), **options: Any
    ) -> None:
        self.columns, self.nullable = columns, nullable
        words = [word for name in columns for word in (name, f"-{name}")]
        super().__init__(words, **{"default": None, "allow_null": True, **options})

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            known = ", ".join(map(str, self.choices))
            raise serializers.ValidationError(
                f"“{str(data)[:50]}” is no order of this list. Choose one of: {known}."
            )
        return tuple(
            self._direct(column, descends=data.startswith("-")) for column in self.columns[data.lstrip("-")]
        )

    def _direct(self, column: str, *, descends: bool) -> Any:
        if column in self.nullable:
            return F(column).desc(nulls_last=True) if descends else F(column).asc(nulls_last=True)
        return f"-{column}" if descends else column


# Every list of rows that are made one after the other.
BY_CREATION: Mapping[str, Sequence[str]] = {"createdAt": ("created_at", "id")}


def sort_rows(rows: "QuerySet[Any]", query: Mapping[str, Any]) -> "QuerySet[Any]":
    """The rows in the order that the query string asks for; without one they keep theirs."""
    return rows.order_by(*query["ordering"]) if query["ordering"] else rows


class WordField(serializers.ChoiceField):
    """A word of a list, in any case, with spaces, hyphens or in camelCase. `also` names words that mean one of them."""

    def __init__(self, choices: Any, *, also: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(choices, **options)
        self.also = also or {}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            return super().to_internal_value(data)
        word = re.sub(r"[\s_-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", data.strip())).lower()
        word = self.also.get(word, word)
        if word not in self.choices:
            known = ", ".join(map(str, self.choices))
            raise serializers.ValidationError(f"“{data[:50]}” is not known here. Known are: {known}.")
        return super().to_internal_value(word)


def validate(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The values of a body. Raises ValidationError with every problem at once."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


# --- responses ---------------------------------------------------------------------------------------


class Slice(NamedTuple):
    """A part of a list, with the JSON fields about the whole list."""

    rows: list[Any]
    about: dict[str, Any]


def fetch_slice(
    rows: "QuerySet[Any]",
    *,
    limit: int,
    offset: int,
    searched: bool = False,
    keys: Sequence[Any] | None = None,
) -> Slice:
    """A part of a list (`fetch_part`). `total` is exact up to ten thousand; for longer lists it stays there, with `totalIsMore`."""
    part = fetch_part(rows, offset, limit, searched=searched, keys=keys)
    about: dict[str, Any] = {"total": part.count, "page": offset // limit + 1}
    if part.more:
        about["totalIsMore"] = True
    return Slice(part.rows, about)


def dollars(value: Decimal | None) -> str | None:
    """The exact amount as text, because numbers in JSON are floats."""
    return None if value is None else format_number(value)


def about_dollars(value: Decimal | None) -> float | None:
    """The amount as a number, rounded to six decimal places."""
    return None if value is None else float(round(value, 6))


def whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def duration(seconds: float | None) -> str | None:
    """`45 seconds`, `15 minutes`, `2 hours 5 minutes`."""
    if seconds is None:
        return None
    rounded = round(seconds)
    if rounded < MINUTE:
        return _format_count(rounded, "second")
    if rounded < HOUR:
        return _format_count(round(rounded / MINUTE), "minute")
    hours, minutes = divmod(round(rounded / MINUTE), 60)
    return _format_count(hours, "hour") + (f" {_format_count(minutes, 'minute')}" if minutes else "")


def _format_count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def to_camel_case(name: str) -> str:
    """`left_out` as `leftOut`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def camelize(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The same under camelCase names. What is inside a value keeps its own: it may be somebody's data."""
    return {to_camel_case(name): value for name, value in stored.items()}


def moment(value: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")
