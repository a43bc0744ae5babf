"""The rate limits for an estimate: requests per minute from the settings, tokens per minute from the limiter's rows."""

from django.conf import settings

from batches.limits.pools import pool_of
from batches.limits.token_buckets import shape
from batches.models import RateLimit
from batches.models.states import Dimension
from batches.planning.estimate.schedule import Rate

TOKENS = ("input_tokens", "output_tokens")


def rates_of(model: str) -> list[Rate]:
    """The limits of the model's pool, that of requests first. Raises UnknownModel."""
    permits = shape(settings.ENVIRONMENT.rate_limit_rpm)
    requests = Rate(name=Dimension.REQUESTS.value, burst=permits.burst, interval_s=permits.interval_s)
    rows = RateLimit.objects.filter(pool=pool_of(model), dimension__in=TOKENS).order_by("dimension")
    return [
        requests,
        *(Rate(name=row.dimension, burst=row.burst, interval_s=row.interval_s) for row in rows),
    ]
