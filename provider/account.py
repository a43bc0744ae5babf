"""The provider that this installation calls, and the key that it uses.

A key is the environment's, unless another was entered in its place while everything runs (`provider.keys`).
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.utils.crypto import salted_hmac

from claude.messages import Provider
from lib.encryption import UnknownEncryptionKey, decrypt

logger = logging.getLogger(__name__)

CHARACTERS_SHOWN = 4
SHORTEST_SECRET = 12  # of a shorter one, four characters would be too much
FINGERPRINT_LENGTH = 12


class UnknownKey(LookupError):
    """A workspace uses a key of its own that this process does not have, so no call can be made."""

    def __init__(self, name: str) -> None:
        variable = settings.ENVIRONMENT.name_key_variable(name)
        super().__init__(
            f"This workspace calls with the key {name!r}, and {variable} is not set. "
            "Set it wherever LoRAPipe runs, enter the key under Settings, Provider, or take it off the workspace under "
            "Admin, Workspaces; then resume."
        )


def get_provider(key: str = "") -> Provider:
    """The server with the installation's own key, or with the key of this name. Raises UnknownKey.

    In demo mode every workspace uses the simulator.
    """
    found = None if settings.DEMO else _Entered.keys.get(key)
    secret = found or _get_environment_key(key)
    if secret is None:
        raise UnknownKey(key)
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=secret)


def list_key_names() -> list[str]:
    """The names of all keys that this process has. "" is the installation's own."""
    return list(dict.fromkeys(["", *settings.CLAUDE_NAMED_KEYS, *_Entered.keys]))


class _Entered:
    """The keys by name that are used in place of the environment's."""

    keys: Mapping[str, str] = {}


def use_entered_keys(rows: Iterable[tuple[str, str, str]]) -> None:
    """Use these from now on, each a name, the fingerprint of what it stands in for, and the encrypted key.

    One that stands in for another key or address than the environment has now is out of date: the environment's counts.
    """
    _Entered.keys = {
        name: secret
        for name, instead_of, encrypted in rows
        if instead_of == compute_environment_fingerprint(name) and (secret := _decrypt(name, encrypted))
    }


def list_entered_names() -> list[str]:
    """The names of the keys that are used in place of the environment's."""
    return [] if settings.DEMO else list(_Entered.keys)


def compute_environment_fingerprint(key: str) -> str:
    """The fingerprint of the environment's key of this name, which may be missing, at the environment's address."""
    secret = _get_environment_key(key) or ""
    return compute_fingerprint(Provider(base_url=settings.CLAUDE_BASE_URL, api_key=secret))


def _get_environment_key(key: str) -> str | None:
    """In demo mode one for all, which the simulator takes."""
    if not key or settings.DEMO:
        return str(settings.CLAUDE_API_KEY)
    found: str | None = settings.CLAUDE_NAMED_KEYS.get(key)
    return found


def _decrypt(name: str, encrypted: str) -> str:
    try:
        return decrypt(encrypted).decode()
    except UnknownEncryptionKey as problem:
        words = "The key %r that was entered cannot be read, so the environment's is used: %s"
        logger.error(words, name or "of the installation", problem)
        return ""


def compute_fingerprint(provider: Provider) -> str:
    """12 hex digits that tell two providers apart: address and key, hashed under SECRET_KEY.

    Who has only the database cannot try out which key it is, nor see that another installation uses the same one.
    """
    named = salted_hmac("provider.account.fingerprint", _name_account(provider), algorithm="sha256")
    return named.hexdigest()[:FINGERPRINT_LENGTH]


def compute_plain_fingerprint(provider: Provider) -> str:
    """The fingerprint of versions before 0.2: rows that were named by it are renamed when a stack starts."""
    return hashlib.sha256(_name_account(provider)).hexdigest()[:FINGERPRINT_LENGTH]


def _name_account(provider: Provider) -> bytes:
    return f"{provider.url}\0{provider.api_key}".encode("utf-8", "surrogatepass")


def mask_key(key: str = "") -> str:
    """The last four characters of a key, to tell keys apart. Empty for a short key. Raises UnknownKey."""
    secret = get_provider(key).api_key
    return f"…{secret[-CHARACTERS_SHOWN:]}" if len(secret) >= SHORTEST_SECRET else ""
