"""What was made from templates: how many conversations, how good on average, when last."""

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
    """`score` is the mean structure score of those that have one."""

    made: int = 0
    score: Decimal | None = None
    last: datetime | None = None


UNUSED = Usage()


def usage_by(field: str, keys: Iterable[UUID]) -> dict[UUID, Usage]:
    """Per template (`template_version__template`) or per version (`template_version`), one query for all.

    Everything it counts is in the index `conversation_by_template`; the wide rows are not read.
    """
    rows: Iterable[dict[str, Any]] = usage_rows(field, keys)
    return {row[field]: Usage(made=row["made"], score=row["score"], last=row["last"]) for row in rows}


def usage_rows(field: str, keys: Iterable[UUID]) -> "QuerySet[Any, Any]":
    rows: QuerySet[Any, Any] = (
        Conversation.objects.filter(**{f"{field}__in": list(keys)})
        .order_by()
        .values(field)
        .annotate(made=Count("*"), score=Avg("quality_score"), last=Max("created_at"))
    )
    return rows
