"""Which provider this installation talks to, as the settings say, and whose limits those are."""

from django.conf import settings

from batches import limiter
from batches.models import RateLimit
from claude import lineup
from provider import table
from provider.account import provider

__all__ = ["make_missing_limits", "pool_of", "pools", "provider", "set_limits_from_settings"]


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
    """Make the limiter's rows as RATE_LIMIT_RPM says. Called by whoever starts a stack."""
    table.refresh(now=True)
    limiter.set_limits(pools(), per_minute=settings.ENVIRONMENT.rate_limit_rpm)


def make_missing_limits() -> None:
    """Rows for the pools of models that were added meanwhile; the others stay as they are."""
    wanted = pools()
    there = set(RateLimit.objects.filter(pool__in=wanted).values_list("pool", flat=True))
    missing = [pool for pool in wanted if pool not in there]
    if missing:
        limiter.set_limits(missing, per_minute=settings.ENVIRONMENT.rate_limit_rpm)
