"""Fixtures of all tests. The servers behind them come from `tests/servers.py`."""

from collections.abc import Iterator

import pytest

from tests.support.simulator import RunningSimulator


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator per xdist worker, with answers after 50 ms; a test that sets faults resets them first."""
    running = RunningSimulator("--latency", "0.05").start()
    yield running
    running.stop()
