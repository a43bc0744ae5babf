"""How many requests of the API are answered in a minute: for each token or person, and for each address of nobody known.

Each request is counted before it is looked at, by one atomic step of the cache that all web processes share, so that of 200
at once no more are admitted than the limit. The minutes are those of the clock. While the cache is away, nothing is refused:
money has its own limits.
"""

import time
from http import HTTPStatus
from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from lib.untrusted.tries import count_try, find_network

MINUTE_S = 60


class CallerThrottle(BaseThrottle):
    """Counts the requests of a token; those of a session by its person. Nobody known is counted by `limit_unknown`."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return True
        who = f"token:{request.auth.pk}" if request.auth is not None else f"person:{request.user.pk}"
        return is_within_limit(who, settings.ENVIRONMENT.api_per_minute)

    def wait(self) -> float:
        return find_wait_s()


def limit_unknown(exc: Exception, request: Any) -> Exception:
    """The refusal itself, or Throttled where too many of this address were refused already because nobody is signed in."""
    if getattr(exc, "status_code", None) != HTTPStatus.UNAUTHORIZED or request is None:
        return exc
    who = f"address:{find_network(request.META.get('REMOTE_ADDR', ''))}"
    within = is_within_limit(who, settings.ENVIRONMENT.api_anonymous_per_minute)
    return exc if within else Throttled(find_wait_s())


def is_within_limit(who: str, most: int) -> bool:
    """Count one more request of this minute, and say whether it may be answered."""
    minute = int(read_clock() // MINUTE_S)
    return count_try(f"api-requests:{who}:{minute}", within_s=2 * MINUTE_S) <= most


def find_wait_s() -> int:
    """Seconds to the next minute, at least 1."""
    return max(1, round(MINUTE_S - read_clock() % MINUTE_S))


def read_clock() -> float:
    return time.time()
