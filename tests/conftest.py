"""Fixtures that every room's tests may use."""

from collections.abc import Iterator

import pytest

from tests.support.simulator import RunningSimulator


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator for each xdist worker, with answers at once. Whoever changes its options says so in his test."""
    running = RunningSimulator("--latency", "0").start()
    yield running
    running.stop()
