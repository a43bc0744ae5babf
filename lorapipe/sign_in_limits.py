"""Bounds for guessing passwords: so many wrong ones for each address, and one hash at a time in each process.

Those for each account, and for tokens and links, are in `workspaces.tries`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from lib.untrusted.tries import count_try, find_network, take_back_try
from workspaces.tries import TooManyTries

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
        if count_try(key, within_s=WITHIN_S) > MOST_WRONG:
            return refuse(
                request,
                "Too many wrong passwords came from your address. Wait five minutes, or use a sign-in link.",
                WITHIN_S,
            )
        response = self.get_response(request)
        if response.status_code in (302, 429, 503):  # signed in, or not looked at
            take_back_try(key)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Also where a password is set: what is sent is not stored."""
        if isinstance(exception, TooManyTries):
            return refuse(request, str(exception), exception.retry_s)
        if not isinstance(exception, HashingBusy):
            return None
        words = "Many people are signing in at this moment. Try again in a few seconds."
        return refuse(request, words, RETRY_S, status=503)


def refuse(request: HttpRequest, words: str, retry_s: int, *, status: int = 429) -> HttpResponse:
    response = render(request, "429.html", {"words": words, "code": status}, status=status)
    response["Retry-After"] = str(retry_s)
    return response
