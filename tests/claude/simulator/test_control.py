"""Who may use the control endpoint: programs of this machine that know the secret, and no page in a browser."""

from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.support.simulator import RunningSimulator

PATHS = ("ledger", "prompts", "faults", "options", "cpu")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSimulator]:
    monkeypatch.setenv("LORAPIPE_SIMULATOR_SECRET", "of the supervisor")
    running = RunningSimulator("--latency", "0").start()
    yield running
    running.stop()


def ask(server: RunningSimulator, **headers: str) -> int:
    answer = httpx2.get(f"{server.url}/_simulator/options", headers=headers)
    return answer.status_code


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "127.0.0.1.evil.example:{port}"],
)
def test_another_host_is_not_answered(server: RunningSimulator, host: str) -> None:
    """A name that somebody else lets resolve to this machine."""
    port = server.url.rpartition(":")[2]
    assert ask(server, Host=host.format(port=port)) == 404


def test_its_own_names_are(server: RunningSimulator) -> None:
    port = server.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert ask(server, Host=f"{host}:{port}") == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000"])
def test_a_page_of_a_browser_is_not_answered(server: RunningSimulator, origin: str) -> None:
    assert ask(server, Origin=origin) == 404
    answer = httpx2.post(f"{server.url}/_simulator/reset", headers={"Origin": origin})
    assert answer.status_code == 404


def test_a_simulator_with_a_secret_wants_it(guarded: RunningSimulator) -> None:
    for wrong in ("", "of the supervisor", "Bearer wrong", "Bearer of the supervisor2", "Bearer \u00e9"):
        headers = {b"Authorization": wrong.encode()} if wrong else {}
        for path in PATHS:
            answer = httpx2.get(f"{guarded.url}/_simulator/{path}", headers=headers)
            assert answer.status_code == 403, (wrong, path)
    changed = httpx2.post(f"{guarded.url}/_simulator/options", json={"latency": 9})
    assert changed.status_code == 403
    right = {"Authorization": "Bearer of the supervisor"}
    assert httpx2.get(f"{guarded.url}/_simulator/options", headers=right).json()["latency"] == 0


def test_the_messages_want_no_secret(guarded: RunningSimulator) -> None:
    assert httpx2.get(f"{guarded.url}/v1/models", headers={"x-api-key": "x"}).status_code != 403


def test_without_a_secret_none_is_wanted(started: Callable[..., RunningSimulator]) -> None:
    assert ask(started()) == 200
