"""The form of our log lines: without keys, tokens, passwords, cookies and sign-in links, wherever they come from.

What looks like one of them is masked, and so is every value of a variable of the environment that holds a secret.
"""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from urllib.parse import unquote, urlsplit

from workspaces.origin import read_request_id

MASK = "…"
SHORTEST_SECRET = 12  # of a variable; a shorter value would be found in ordinary words
# Between the name of a header, field or variable and its value: as in a header, a dictionary, a pair or an assignment.
_THEN = r"""(["']?\s*[:=,]\s*(?:b?["'])?)"""
RULES = [
    # Django logs the address of each request that it refuses, for example for want of a cookie, and its link still works.
    (re.compile(r"(/sign-in/)[^/\s?#\"'<>]+"), rf"\1{MASK}"),
    # Our tokens, keys of providers, tokens of the Hub, secrets of webhooks: by how they begin.
    (re.compile(r"\b(sk-|lp_|hf_|whsec_)[\w+/=-]{8,}"), rf"\1{MASK}"),
    (
        re.compile(
            rf"(?i)\b((?:proxy-)?authorization|x-api-key){_THEN}(?:(bearer|basic|digest|token)\s+)?[^\s\"',}}\])]+"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(rf"(?i)\b((?:set-)?cookie){_THEN}[^\"'\r\n]+"), rf"\1\2{MASK}"),
    (
        re.compile(
            rf"(?i)\b((?:__host-)?(?:sessionid|csrftoken)|csrfmiddlewaretoken|x-csrftoken|api_?key|own_key|password|passwd"
            rf"|secret_?key|client_secret|access_token|refresh_token|encryption_keys?){_THEN}[^\s\"',;&)}}\]]+"
        ),
        rf"\1\2{MASK}",
    ),
    # The password in an address: postgresql://user:password@host
    (re.compile(r"(\w://[^/\s:@\"']*:)[^@/\s\"']+@"), rf"\1{MASK}@"),
]
_SECRET_NAMES = re.compile(r"(?i)(_KEYS?$|API_KEY|SECRET|PASSWORD|TOKEN)")


class MaskingFormatter(logging.Formatter):
    """Masks secrets wherever they stand: in the message, in its arguments, in a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The id of the request stands behind the message: the page of an error names it."""
        request_id = find_request_id(record)
        return super().formatMessage(record) + (f" (request {request_id})" if request_id else "")


def find_request_id(record: logging.LogRecord) -> str:
    """The id of the request of a line. Django writes some when it has answered already, and gives the request with them."""
    given: str = getattr(getattr(record, "request", None), "request_id", "")
    return given or read_request_id()


def mask_secrets(text: str) -> str:
    """The text with … in place of each secret that it holds."""
    if known := _find_known(frozenset(list_secrets(os.environ))):
        text = known.sub(MASK, text)
    for pattern, instead in RULES:
        text = pattern.sub(instead, text)
    return text


def list_secrets(environ: Mapping[str, str]) -> list[str]:
    """The secrets that variables hold: keys, tokens, and the passwords in addresses."""
    found: list[str] = []
    for name, value in environ.items():
        if _SECRET_NAMES.search(name):
            found += value.split(",")
        elif "://" in value and "@" in value:
            found += _find_password(value)
    return [secret for each in found if len(secret := each.strip()) >= SHORTEST_SECRET]


def _find_password(address: str) -> list[str]:
    try:
        password = urlsplit(address).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


@cache
def _find_known(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all of them, the longest first, so that no end of a longer one stays."""
    words = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words))) if words else None
