"""The date that applies to prices, retirements and months."""

from datetime import UTC, date, datetime


def today() -> date:
    """The current date in UTC. Call it as `clock.today()`, so that a test can replace it."""
    return datetime.now(UTC).date()
