"""The provider that this installation calls, and the key that it uses.

A key is the environment's, unless another was entered in its place while everything runs (`provider.keys`). A workspace may
have a key of its own, which its owner has entered. It is read when it is needed, for one workspace at a time.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from claude.messages import Provider
from lib.encryption import UnknownEncryptionKey, decrypt
from provider.models import ProviderKey
from workspaces.models import OWN_KEY

logger = logging.getLogger(__name__)

CHARACTERS_SHOWN = 4
SHORTEST_SECRET = 12  # of a shorter one, four characters would be too much
FINGERPRINT_LENGTH = 12
OWN_KEY_LASTS_S = 2.0  # so long a process uses the key of a workspace that it has read
MOST_OWN_KEYS = 1_000  # that a process remembers


class UnknownKey(LookupError):
    """A workspace uses a key that this process does not have, or may not send, so no call can be made."""

    def __init__(self, name: str, problem: str = "") -> None:
        variable = settings.ENVIRONMENT.name_key_variable(name)
        super().__init__(
            problem
            or f"This workspace calls with the key {name!r}, and {variable} is not set. "
            "Set it wherever LoRAPipe runs, enter the key under Settings, Provider, or take it off the workspace under "
            "Admin, Workspaces; then resume."
        )


@sensitive_variables("found", "secret")
def get_provider(key: str = "") -> Provider:
    """The server with the installation's own key, or with the key of this name. Raises UnknownKey.

    In demo mode every workspace uses the simulator. The own key of a workspace needs a database connection.
    """
    if is_own_key(key) and not settings.DEMO:
        return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=_read_own_key(key))
    found = None if settings.DEMO else _Entered.keys.get(key)
    secret = found or _get_environment_key(key)
    if secret is None:
        raise UnknownKey(key)
    return Provider(base_url=settings.CLAUDE_BASE_URL, api_key=secret)


def list_key_names() -> list[str]:
    """The names of all keys that this process has. "" is the installation's own. Those of workspaces are not among them."""
    return list(dict.fromkeys(["", *settings.CLAUDE_NAMED_KEYS, *_Entered.keys]))


# --- the own key of a workspace ---------------------------------------------------------------------------


def name_own_key(workspace: UUID) -> str:
    """The name under which a workspace's own key is stored; `Workspace.provider_key` holds it as long as it is in use."""
    return f"{OWN_KEY}{workspace.hex}"


def is_own_key(name: str) -> bool:
    return name.startswith(OWN_KEY)


def describe_address() -> str:
    """Scheme, host and port of the server that this installation calls, without what may be secret in its address."""
    url = urlsplit(Provider(base_url=settings.CLAUDE_BASE_URL, api_key="").url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


def find_own_key_problem(row: ProviderKey) -> str:
    """Why this key cannot be used, and what to do; empty if it can."""
    if row.address != describe_address():
        return (
            f"This workspace’s own key was entered for {row.address}, and this installation now calls {describe_address()}. "
            "So it is not sent. An owner can enter a key for that server under Settings, Provider, or remove this one."
        )
    if not _decrypt(row.name, row.encrypted_key):
        return (
            "This workspace’s own key cannot be read, because the operator has removed the key that encrypted it. "
            "An owner can enter it again under Settings, Provider."
        )
    return ""


class _Own:
    """The own keys that this process has read lately: when, and the key."""

    keys: dict[str, tuple[float, str]] = {}


def forget_own_keys() -> None:
    """Read each own key again before its next use."""
    _Own.keys = {}


@sensitive_variables("secret")
def _read_own_key(name: str) -> str:
    read_at, secret = _Own.keys.get(name, (float("-inf"), ""))
    if time.monotonic() - read_at < OWN_KEY_LASTS_S:
        return secret
    row = ProviderKey.objects.filter(name=name).first()
    if row is None:
        raise UnknownKey(
            name,
            "This workspace’s own key was removed. An owner can enter it under Settings, Provider; then resume.",
        )
    if problem := find_own_key_problem(row):
        raise UnknownKey(name, problem)
    if len(_Own.keys) >= MOST_OWN_KEYS:
        forget_own_keys()
    secret = _decrypt(name, row.encrypted_key)
    _Own.keys[name] = time.monotonic(), secret
    return secret


# --- keys that stand in for the environment's ---------------------------------------------------------------


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


def compute_account(key: str = "") -> str:
    """12 hex digits that name the account of a key among the pools of the limiter. Raises UnknownKey.

    It is made of the address and of the key's name, so that the limits and what is booked stay when a key is replaced by a new
    one. Two names of the same key are one account. It is hashed under SECRET_KEY, as a fingerprint is.
    """
    name = key if is_own_key(key) else _find_first_name(key)
    url = Provider(base_url=settings.CLAUDE_BASE_URL, api_key="").url
    named = salted_hmac(
        "provider.account.account", f"{url}\0{name}".encode("utf-8", "surrogatepass"), algorithm="sha256"
    )
    return named.hexdigest()[:FINGERPRINT_LENGTH]


def _find_first_name(key: str) -> str:
    provider = get_provider(key)
    return next((name for name in list_key_names() if get_provider(name) == provider), key)


def compute_plain_fingerprint(provider: Provider) -> str:
    """The fingerprint of versions before 0.2: rows that were named by it are renamed when a stack starts."""
    return hashlib.sha256(_name_account(provider)).hexdigest()[:FINGERPRINT_LENGTH]


def _name_account(provider: Provider) -> bytes:
    return f"{provider.url}\0{provider.api_key}".encode("utf-8", "surrogatepass")


@sensitive_variables("secret")
def mask_key(key: str = "") -> str:
    """The last four characters of a key, to tell keys apart. Empty for a short key. Raises UnknownKey."""
    secret = get_provider(key).api_key
    return f"…{secret[-CHARACTERS_SHOWN:]}" if len(secret) >= SHORTEST_SECRET else ""
