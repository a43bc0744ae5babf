"""The date that prices, retirements and months go by."""

from datetime import UTC, date, datetime


def today() -> date:
    """The current date in UTC. Call it as `clock.today()`, so that a test can give it a date of its own."""
    return datetime.now(UTC).date()
