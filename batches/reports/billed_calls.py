"""Answers the model table's question to the log: was any of these models called since a day?"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time

from batches.models import GenerationLog


def was_called_since(models: Collection[str], day: date) -> bool:
    """Whether there was any call of these models since the start of `day` (UTC), billed or not: its price was used to reserve."""
    begin = datetime.combine(day, time(), UTC)
    return GenerationLog.objects.filter(model__in=models, created_at__gte=begin).exists()
