"""How long a connection may take: what has arrived when, and whether it is closed."""

from types import SimpleNamespace

import pytest

from lorapipe.web_server.connections import BODY_S, HEADER_S, IDLE_S, STALLED_S, Connection

NOW = 1_000_000.0


def connection(**found: object) -> Connection:
    made = Connection.__new__(Connection)
    state = {"requests": [], "total_outbufs_len": 0, "request": None, "began": NOW, "last_activity": NOW}
    made.__dict__.update(state | found)
    return made


def partial(*, header: bool, body: int = 0) -> SimpleNamespace:
    return SimpleNamespace(headers_finished=header, body_bytes_received=body)


@pytest.mark.parametrize(
    ("found", "slow"),
    [
        ({"last_activity": NOW - IDLE_S - 1}, True),
        ({"last_activity": NOW - IDLE_S + 1}, False),
        ({"request": partial(header=False), "began": NOW - HEADER_S - 1}, True),
        ({"request": partial(header=False), "began": NOW - HEADER_S + 1}, False),
        ({"request": partial(header=True, body=1000), "began": NOW - BODY_S - 1}, True),
        ({"request": partial(header=True, body=1_000_000), "began": NOW - BODY_S - 1}, False),
        ({"request": partial(header=True, body=1_000_000), "began": NOW - BODY_S - 51}, True),
        ({"requests": ["running"], "last_activity": NOW - 3600}, False),
        ({"requests": ["running"], "total_outbufs_len": 9, "last_activity": NOW - STALLED_S - 1}, True),
        ({"total_outbufs_len": 9, "last_activity": NOW - STALLED_S - 1}, True),
        ({"total_outbufs_len": 9, "last_activity": NOW - STALLED_S + 1}, False),
    ],
)
def test_who_is_too_slow(found: dict[str, object], slow: bool) -> None:
    """One byte every few seconds does not help: a request has a deadline as a whole, a longer one for a longer body."""
    assert connection(**found).is_too_slow(NOW) is slow
