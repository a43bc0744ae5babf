"""Counts tries, so that guessing is bounded. The counts are atomic, shared by the web processes, and end by themselves.

While the cache is away nothing is counted and everything is admitted: nobody is kept out by a broker that is down.
"""

import ipaddress
import math
import time
from contextlib import suppress

from django.core.cache import cache


def find_network(address: str) -> str:
    """Whose tries count together: an IPv4 address, or the /64 of an IPv6 one, which a single line may use as it likes."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def count_try(key: str, *, within_s: int) -> int:
    """How many tries there have been, with this one. Counted before it is looked at, so that twenty at once are twenty.

    0 while the cache is away.
    """
    with suppress(*_list_failures()):
        cache.add(key, 0, timeout=within_s)
        return cache.incr(key)
    return 0


def take_back_try(key: str) -> None:
    """The last try does not count: it was right, or was not looked at."""
    with suppress(*_list_failures()):
        cache.decr(key)


def forget_tries(key: str) -> None:
    """Begin anew, after a try that was right."""
    with suppress(*_list_failures()):
        cache.delete_many([key, _name_gate(key)])


def admit_try(key: str, *, most: int, within_s: int, longest_wait_s: int) -> int:
    """Count a try and say how many seconds it must wait; 0 admits it.

    The first `most` within `within_s` seconds are admitted. After that one is admitted after 1 second, 2, 4 and so on up to
    `longest_wait_s`: guessing becomes slow, and nobody is locked out. A refused try does not count.
    """
    count = count_try(key, within_s=within_s)
    if count <= most:
        return 0
    wait = min(2 ** min(count - most - 1, 20), longest_wait_s)
    with suppress(*_list_failures()):
        if not cache.add(_name_gate(key), time.time() + wait, timeout=wait):
            take_back_try(key)
            ends = cache.get(_name_gate(key))
            return max(1, math.ceil(ends - time.time())) if ends else 1
    return 0


def _list_failures() -> tuple[type[Exception], ...]:
    """What the cache raises when it is away, and when a count has ended between two commands."""
    # Here and not above: loading it takes a tenth of the start of the pages.
    from redis import RedisError  # noqa: PLC0415

    return RedisError, ValueError


def _name_gate(key: str) -> str:
    return f"{key}:next"
