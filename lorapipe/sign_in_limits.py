"""Bounds for guessing passwords: so many wrong ones for each address, and one hash at a time in each process."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from redis import RedisError

MOST_WRONG = 10  # of one address
WITHIN_S = 300
MOST_WAITING = 2  # for their turn to hash, in each process: threads that could answer pages meanwhile
RETRY_S = 5


class HashingBusy(Exception):
    """Too many passwords are being checked at this moment."""


class OneAtATimeHasher(PBKDF2PasswordHasher):
    """Django's own hashes. One takes about half a second of a core, so that twenty at once would leave nothing for pages."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with _take_turn():
            return super().encode(password, salt, iterations)


_hashing = threading.Lock()
_places = threading.BoundedSemaphore(1 + MOST_WAITING)


@contextmanager
def _take_turn() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise HashingBusy
    try:
        with _hashing:
            yield
    finally:
        _places.release()


class SignInLimitMiddleware:
    """Refuses further tries of an address with 429, before anything is computed. A sign-in that succeeds does not count."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.path != reverse("sign_in"):
            return self.get_response(request)
        key = f"wrong-passwords:{find_network(request.META.get('REMOTE_ADDR', ''))}"
        if count_try(key) > MOST_WRONG:
            return refuse(
                request,
                "Too many wrong passwords came from your address. Wait five minutes, or use a sign-in link.",
                WITHIN_S,
            )
        response = self.get_response(request)
        if response.status_code in (302, 503):  # signed in, or not looked at
            forget_try(key)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Also where a password is set: what is sent is not stored."""
        if not isinstance(exception, HashingBusy):
            return None
        words = "Many people are signing in at this moment. Try again in a few seconds."
        return refuse(request, words, RETRY_S, status=503)


def find_network(address: str) -> str:
    """Whose tries count together: an IPv4 address, or the /64 of an IPv6 one, which a single line may use as it likes."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def count_try(key: str, *, within_s: int = WITHIN_S) -> int:
    """How many tries there have been, with this one. Counted before it is looked at, so that twenty at once are twenty.

    0 while the cache is away: one hash at a time is still the limit then.
    """
    with suppress(RedisError, ValueError):  # ValueError: it ended between the two
        cache.add(key, 0, timeout=within_s)
        return cache.incr(key)
    return 0


def forget_try(key: str) -> None:
    with suppress(RedisError, ValueError):
        cache.decr(key)


def refuse(request: HttpRequest, words: str, retry_s: int, *, status: int = 429) -> HttpResponse:
    response = render(request, "429.html", {"words": words, "code": status}, status=status)
    response["Retry-After"] = str(retry_s)
    return response
