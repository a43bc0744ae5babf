"""Which provider this installation talks to, as the settings say, and whose limits those are."""

from django.conf import settings

from batches import limiter
from claude import lineup
from claude.messages import Provider


def provider() -> Provider:
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_API_KEY)


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
    limiter.set_limits(pools(), per_minute=settings.ENVIRONMENT.rate_limit_rpm)
