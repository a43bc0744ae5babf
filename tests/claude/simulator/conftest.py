"""The simulator as it is after its start, for each test, and the real SDK that talks to it."""

from collections.abc import Callable, Iterator

import pytest
from anthropic import Anthropic

from tests.support.simulator import RunningSimulator


@pytest.fixture
def server(simulator: RunningSimulator) -> RunningSimulator:
    simulator.reset()
    simulator.options(
        latency=0,
        jitter=0.2,
        seed=0,
        rpm=None,
        burst=None,
        itpm=None,
        otpm=None,
        clock_offset=0,
        keep_prompts=False,
        flawed_every=0,
    )
    return simulator


@pytest.fixture
def started() -> Iterator[Callable[..., RunningSimulator]]:
    """Starts further simulators, each with its own arguments; all end with the test."""
    running: list[RunningSimulator] = []

    def start(*arguments: str) -> RunningSimulator:
        running.append(RunningSimulator("--latency", "0", *arguments).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def claude(server: RunningSimulator) -> Iterator[Anthropic]:
    with Anthropic(api_key="x", base_url=server.url, max_retries=0) as client:
        yield client
