"""The use of templates: how many conversations were made from each, their mean score, and when the last was made."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Max, QuerySet

from conversations.models import Conversation


@dataclass(frozen=True, kw_only=True)
class Usage:
    """`score` is the mean structure score of the conversations that have one."""

    made: int = 0
    score: Decimal | None = None
    last: datetime | None = None


UNUSED = Usage()


def find_usage(field: str, keys: Iterable[UUID]) -> dict[UUID, Usage]:
    """The usage per template (`template_version__template`) or per version (`template_version`), in one query.

    It reads only the index `conversation_by_template`, not the wide rows.
    """
    rows: Iterable[dict[str, Any]] = query_usage(field, keys)
    return {row[field]: Usage(made=row["made"], score=row["score"], last=row["last"]) for row in rows}


def query_usage(field: str, keys: Iterable[UUID]) -> "QuerySet[Any, Any]":
    rows: QuerySet[Any, Any] = (
        Conversation.objects.heads()
        .filter(**{f"{field}__in": list(keys)})
        .order_by()
        .values(field)
        .annotate(made=Count("*"), score=Avg("quality_score"), last=Max("created_at"))
    )
    return rows
