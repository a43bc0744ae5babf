"""Pools: which calls share one rate limit of the provider.

A pool is a provider account (a keyed hash of the base URL and of the key's name, or `demo`) and a group of models:
`demo:claude-sonnet-5-5`. A key that is replaced by a new one keeps its pools, and with them its limits and what is booked.
"""

from collections.abc import Sequence

from django.conf import settings

from batches.limits import limiter
from batches.limits.renamed_pools import rename_pools
from batches.models import RateLimit
from batches.models.limits import MOST_PER_MINUTE
from claude import current_models
from claude.current_models import UnknownModel
from provider import table
from provider.account import UnknownKey, compute_account, get_provider, list_key_names
from provider.models import ProviderKey

__all__ = [
    "DEMO_POOL",
    "UnknownKey",
    "get_provider",
    "make_missing_limits",
    "pool_of",
    "pool_or_none",
    "pools",
    "set_limits_from_settings",
    "tokens_per_minute",
]

DEMO_POOL = "demo:"  # the pools of the demo begin with this
# Input and output tokens a minute.
FIRST_TIER = 2_000_000, 400_000
FIRST_TIER_SMALL = 500_000, 100_000
SMALL_POOLS = ("fable", "claude-mythos")


def pool_of(model: str, key: str = "") -> str:
    """The pool of a model (id or alias) for the key of this name. Raises UnknownModel or UnknownKey."""
    return f"{_account(key)}:{current_models.find_card(model).pool}"


def pools() -> list[str]:
    """Every pool that a job of this installation may use: all keys, each with all groups of models."""
    own = ProviderKey.objects.filter(workspace__isnull=False).order_by("name").values_list("name", flat=True)
    accounts = dict.fromkeys(_account(key) for key in [*list_key_names(), *own])
    return [f"{account}:{name}" for account in accounts for name in current_models.list_pools()]


def pool_or_none(model: str, key: str) -> str | None:
    """The pool of a model, or None when there is no such model or key here. Then no call can be made either."""
    try:
        return pool_of(model, key)
    except (UnknownModel, UnknownKey):
        return None


def _account(key: str) -> str:
    """The account's name in a pool. The demo has a fixed one, because the simulator has another port at every start."""
    return "demo" if settings.DEMO else compute_account(key)


def set_limits_from_settings() -> None:
    """Make or adapt the limiter's rows by RATE_LIMIT_RPM, RATE_LIMIT_ITPM and RATE_LIMIT_OTPM, when a stack starts."""
    rename_pools()
    table.refresh(now=True)
    _set_limits(pools())


def make_missing_limits() -> None:
    """Make the rows of pools that have none, such as those of newly added models. Other rows are not changed."""
    wanted = pools()
    there = set(RateLimit.objects.filter(pool__in=wanted).values_list("pool", flat=True))
    _set_limits([pool for pool in wanted if pool not in there])


def _set_limits(chosen: Sequence[str]) -> None:
    """Set the limits of these pools, with one statement for all pools that have the same limits."""
    given = settings.ENVIRONMENT
    for input_, output in sorted({tokens_per_minute(pool) for pool in chosen}):
        limiter.set_limits(
            [pool for pool in chosen if tokens_per_minute(pool) == (input_, output)],
            per_minute=given.rate_limit_rpm,
            input_per_minute=given.rate_limit_itpm or input_,
            output_per_minute=given.rate_limit_otpm or output,
        )


def tokens_per_minute(pool: str) -> tuple[int, int]:
    """Input and output tokens per minute of an account in the provider's first tier.

    From the provider's documentation of its rate limits (checked 2026-11-22). The simulator has no such limit, and of another
    server nobody knows one: its estimate says so, and a lower limit in its headers is kept.
    """
    if settings.DEMO or settings.ENVIRONMENT.has_other_server:
        return MOST_PER_MINUTE, MOST_PER_MINUTE
    name = pool.partition(":")[2]
    return FIRST_TIER_SMALL if name.startswith(SMALL_POOLS) else FIRST_TIER
