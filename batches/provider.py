"""Which provider this installation talks to, as the settings say, and whose limits those are."""

from collections.abc import Sequence

from django.conf import settings

from batches import limiter
from batches.limit_rows import MOST_PER_MINUTE
from batches.models import RateLimit
from claude import lineup
from provider import table
from provider.account import provider

__all__ = [
    "make_missing_limits",
    "pool_of",
    "pools",
    "provider",
    "set_limits_from_settings",
    "tokens_per_minute",
]

# Input and output tokens a minute.
FIRST_TIER = 2_000_000, 400_000
FIRST_TIER_SMALL = 500_000, 100_000
SMALL_POOLS = ("fable", "claude-mythos")


def pool_of(model: str) -> str:
    """The limiter's pool of a model: demo and real, or two keys, never share one."""
    return f"{_account()}:{lineup.card(model).pool}"


def pools() -> list[str]:
    """Every pool that a job of this installation may use."""
    return [f"{_account()}:{name}" for name in lineup.pools()]


def _account() -> str:
    """Whose limits they are. The simulator's port is another at every start, its limits are not."""
    return "demo" if settings.DEMO else provider().fingerprint


def set_limits_from_settings() -> None:
    """Make the limiter's rows as RATE_LIMIT_RPM, _ITPM and _OTPM say. Called by whoever starts a stack."""
    table.refresh(now=True)
    _set_limits(pools())


def make_missing_limits() -> None:
    """Rows for the pools of models that were added meanwhile; the others stay as they are."""
    wanted = pools()
    there = set(RateLimit.objects.filter(pool__in=wanted).values_list("pool", flat=True))
    _set_limits([pool for pool in wanted if pool not in there])


def _set_limits(chosen: Sequence[str]) -> None:
    """Those with the same limits in one go."""
    given = settings.ENVIRONMENT
    for input_, output in sorted({tokens_per_minute(pool) for pool in chosen}):
        limiter.set_limits(
            [pool for pool in chosen if tokens_per_minute(pool) == (input_, output)],
            per_minute=given.rate_limit_rpm,
            input_per_minute=given.rate_limit_itpm or input_,
            output_per_minute=given.rate_limit_otpm or output,
        )


def tokens_per_minute(pool: str) -> tuple[int, int]:
    """Input and output tokens that an account of the first tier may use a minute; the simulator knows no such limit.

    From the provider's documentation of its rate limits (checked 2026-11-22).
    """
    if settings.DEMO:
        return MOST_PER_MINUTE, MOST_PER_MINUTE
    name = pool.partition(":")[2]
    return FIRST_TIER_SMALL if name.startswith(SMALL_POOLS) else FIRST_TIER
