"""Where an action comes from: the channel and the address, set once for each request, and by the process for a command.

The audit log reads it (`workspaces.audit.record`), and so do log lines in JSON. Actions therefore need no request.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.conf import settings

from workspaces.states import Channel


@dataclass(frozen=True, kw_only=True)
class Origin:
    """`address` is the client's as the web server tells it, empty without a request. `token_name`: of an API token."""

    channel: Channel = Channel.SYSTEM
    address: str = ""
    token_name: str = ""
    request_id: str = ""


_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def find_origin() -> Origin:
    """The origin of what this thread does now: a request's, else that of a command that somebody typed, else the system's."""
    typed = Channel.TERMINAL if settings.TYPED_COMMAND else Channel.SYSTEM
    return _origin.get() or Origin(channel=typed)


def read_request_id() -> str:
    """The id of the request that this thread answers; empty outside one. It reads no settings: the first log lines do not either."""
    found = _origin.get()
    return found.request_id if found else ""


@contextmanager
def come_from(origin: Origin) -> Iterator[None]:
    """What is done inside comes from there."""
    before = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(before)


def name_token(name: str) -> None:
    """Note the API token by which this request has authenticated itself."""
    _origin.set(replace(find_origin(), token_name=name))


def read_address(text: str) -> str:
    """The address in its usual form: without a zone, and IPv4 as IPv4. Empty if it is none, as for a Unix socket."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)
