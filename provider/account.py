"""The provider that this installation calls, and the key that it uses."""

import hashlib

from django.conf import settings
from django.utils.crypto import salted_hmac

from claude.messages import Provider

CHARACTERS_SHOWN = 4
SHORTEST_SECRET = 12  # of a shorter one, four characters would be too much
FINGERPRINT_LENGTH = 12


class UnknownKey(LookupError):
    """A workspace uses a key of its own that this process does not have, so no call can be made."""

    def __init__(self, name: str) -> None:
        variable = settings.ENVIRONMENT.name_key_variable(name)
        super().__init__(
            f"This workspace calls with the key {name!r}, and {variable} is not set. "
            "Set it wherever LoRAPipe runs, or take the key off the workspace under Admin, Workspaces; then resume."
        )


def get_provider(key: str = "") -> Provider:
    """The server with the installation's own key, or with the key of this name. Raises UnknownKey.

    In demo mode every workspace uses the simulator.
    """
    if not key or settings.DEMO:
        return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_API_KEY)
    if key not in settings.CLAUDE_NAMED_KEYS:
        raise UnknownKey(key)
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=settings.CLAUDE_NAMED_KEYS[key])


def list_key_names() -> list[str]:
    """The names of all keys that this process has. "" is the installation's own."""
    return ["", *settings.CLAUDE_NAMED_KEYS]


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
