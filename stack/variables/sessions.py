"""The variables that say how long somebody stays signed in. Pure."""

from dataclasses import dataclass

from stack.variables.observing import Reads

MOST_HOURS = 8760  # a year


@dataclass(frozen=True, kw_only=True)
class SessionHours:
    """A session ends after `idle` hours without a request, and `longest` hours after signing in."""

    idle: int = 168
    longest: int = 720


def read_session_hours(reader: Reads) -> SessionHours:
    return SessionHours(
        idle=reader.whole("LORAPIPE_SESSION_IDLE_HOURS", default=168, low=1, high=MOST_HOURS),
        longest=reader.whole("LORAPIPE_SESSION_HOURS", default=720, low=1, high=MOST_HOURS),
    )
