"""Which provider this installation talks to, as the settings say, and whose limits those are."""

from django.conf import settings

from batches import limiter
from batches.limit_rows import MOST_PER_MINUTE
from claude import lineup
from claude.messages import Provider

# Input and output tokens a minute.
FIRST_TIER = 2_000_000, 400_000
FIRST_TIER_SMALL = 500_000, 100_000
SMALL_POOLS = ("fable", "claude-mythos")


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
    """Make the limiter's rows as RATE_LIMIT_RPM, _ITPM and _OTPM say. Called by whoever starts a stack."""
    given = settings.ENVIRONMENT
    for name in lineup.pools():
        input_, output = tokens_per_minute(name)
        limiter.set_limits(
            [f"{_account()}:{name}"],
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
    return FIRST_TIER_SMALL if pool.startswith(SMALL_POOLS) else FIRST_TIER
