"""A start says what it does and how long each step took."""

import re
import threading

import pytest

from stack import steps


def test_a_step_ends_with_its_seconds() -> None:
    said: list[str] = []
    with steps.announce_step("Starting PostgreSQL", said.append):
        pass
    assert len(said) == 1
    assert re.fullmatch(r"Starting PostgreSQL: \d+\.\d s", said[0])


def test_a_long_step_says_that_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "REMIND_S", 0.01)
    said: list[str] = []
    reminded = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        reminded.set()

    with steps.announce_step("Starting PostgreSQL", say):
        assert reminded.wait(30)
    assert said[0] == "Starting PostgreSQL: 0 s so far"
    assert steps.REMIND_S < 3


def test_a_step_that_fails_does_not_say_that_it_is_done() -> None:
    said: list[str] = []
    with pytest.raises(RuntimeError), steps.announce_step("Starting PostgreSQL", said.append):
        raise RuntimeError
    assert said == []
