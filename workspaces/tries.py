"""How often passwords, tokens and sign-in links may be guessed.

By account, passwords: five in 15 minutes, then slower and slower, up to one a minute. A browser in which the person has signed in
before has a count of its own, so that a stranger who guesses does not slow the person down. By address, tokens and links:
wrong ones are refused after so many, right ones never. They have 256 random bits: the limit saves work, it guards nothing.
(`lorapipe.sign_in_limits` bounds passwords by address.)
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from lib.untrusted.tries import admit_try, count_try, find_network, forget_tries, take_back_try
from workspaces.models import User

MOST_OF_ACCOUNT = 5
WITHIN_S = 15 * 60
LONGEST_WAIT_S = 60
MOST_OF_ADDRESS = 30
ADDRESS_WITHIN_S = 5 * 60
MOST_NAMES = 30  # that an owner looks for and does not find

KNOWN_DEVICE = "known_device"
DEVICE_SALT = "workspaces.tries.known_device"
DEVICE_MAX_AGE_S = 365 * 24 * 3600


class TooManyTries(Exception):
    """So many wrong tries that this one is not looked at. `retry_s`: seconds until one is admitted again."""

    def __init__(self, words: str, retry_s: int) -> None:
        super().__init__(words)
        self.retry_s = retry_s


@contextmanager
def counted_password(request: HttpRequest, username: str) -> Iterator["PasswordTry"]:
    """One try of a password of this account, whether it exists or not. Raises TooManyTries instead of looking at it.

    Set `right` on what it gives when the password was right: the count begins anew. A try that breaks off does not count.
    """
    key = _name_account(request, username)
    limits = {"most": MOST_OF_ACCOUNT, "within_s": WITHIN_S, "longest_wait_s": LONGEST_WAIT_S}
    if wait := admit_try(key, **limits):
        words = f"Too many wrong passwords were tried for this account. Try again in {wait} s, or use a sign-in link."
        raise TooManyTries(words, wait)
    found = PasswordTry()
    try:
        yield found
    except Exception:
        take_back_try(key)
        raise
    if found.right:
        forget_tries(key)


class PasswordTry:
    right = False


def remember_device(response: HttpResponse, user: User) -> None:
    """Set the cookie by which a browser is known to have signed this person in. It opens nothing."""
    response.set_cookie(
        KNOWN_DEVICE,
        signing.dumps(str(user.pk), salt=DEVICE_SALT),
        max_age=DEVICE_MAX_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def count_wrong_secret(request: HttpRequest, kind: str) -> int:
    """Count a wrong token or link of this address. Seconds to wait once there are too many; 0 until then."""
    key = f"wrong-{kind}:{find_network(request.META.get('REMOTE_ADDR', ''))}"
    return ADDRESS_WITHIN_S if count_try(key, within_s=ADDRESS_WITHIN_S) > MOST_OF_ADDRESS else 0


def count_missed_name(person: User) -> None:
    """Count a name that an owner looked for and that nobody has. Raises TooManyTries after many: it is no directory."""
    if count_try(f"missed-names:{person.pk}", within_s=WITHIN_S) > MOST_NAMES:
        words = "You have looked for many names that nobody has. Wait 15 minutes, or invite the person."
        raise TooManyTries(words, WITHIN_S)


def _name_account(request: HttpRequest, username: str) -> str:
    """The key of the count. A name of any length and any characters fits into it."""
    account = hashlib.sha256(username.casefold().encode("utf-8", "replace")).hexdigest()[:32]
    return f"wrong-passwords-of:{account}:{'known' if _is_known(request, username) else 'unknown'}"


def _is_known(request: HttpRequest, username: str) -> bool:
    kept = request.COOKIES.get(KNOWN_DEVICE)
    if not kept:
        return False
    try:
        key = signing.loads(kept, salt=DEVICE_SALT, max_age=DEVICE_MAX_AGE_S)
    except signing.BadSignature:
        return False
    return User.objects.filter(pk=key, username=username).exists()
