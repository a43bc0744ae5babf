"""One method of one address, as the schema of the API describes it. Each room has a table of them beside its views."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lib.api.shapes import WHOLE, YES_OR_NO, ListOf, Record, Shape

Serializer = type[Any]  # of REST framework

PART_OF_A_LIST = Record(
    total=WHOLE.means("Exact up to 10,000."),
    page=WHOLE.like(1).means("offset / limit + 1"),
    totalIsMore=YES_OR_NO.optional.means("There are more than `total`."),
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`answers`: the fields of each answer that is no error, by its status, or None for one that is no JSON.

    `bodies` are the serializers of which one reads the body. `example` is a body, or is empty where `takes_nothing`.
    `errors` are statuses that this address alone may answer; those that each may (such as 401) go without saying.
    """

    tag: str
    summary: str
    about: str = ""
    answers: Mapping[int, Shape | None]
    bodies: tuple[Serializer, ...] = ()
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: Serializer | None = None
    errors: tuple[int, ...] = ()
    takes_key: bool = False  # an Idempotency-Key
    waits: bool = False  # takes Prefer: wait
    has_etag: bool = False
    takes_match: bool = False  # If-Match
    is_partial: bool = False  # no field of the body is required
    locates: tuple[int, ...] = ()  # the statuses that come with a Location
    content_type: str = "application/json"

    def join(self, other: "Operation") -> "Operation":
        """Both: a second room answers some bodies of this address."""
        answers = dict(self.answers)
        for status, shape in other.answers.items():
            mine = answers.get(status)
            answers[status] = shape if mine is None or shape is None else Shape(anyOf=[mine, shape])
        return replace(
            self,
            about=f"{self.about}\n\n{other.about}".strip(),
            answers=answers,
            bodies=(*self.bodies, *other.bodies),
            examples={**self.examples, **other.examples},
            errors=(*self.errors, *other.errors),
            takes_key=self.takes_key or other.takes_key,
            locates=(*self.locates, *other.locates),
        )


# By method and by the name of the route.
Operations = Mapping[tuple[str, str], Operation]


def list_of(name: str, each: Shape) -> Record:
    """The answer of a list: the rows under this name, and how many there are."""
    return Record(Record(**{name: ListOf(each)}), PART_OF_A_LIST)
