"""The log as the model table asks it: were calls of these models made since a day?"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time

from batches.models import GenerationLog


def was_called_since(models: Collection[str], day: date) -> bool:
    """Any call, billed or not: what was reserved by a price counts as priced by it."""
    begin = datetime.combine(day, time(), UTC)
    return GenerationLog.objects.filter(model__in=models, created_at__gte=begin).exists()
