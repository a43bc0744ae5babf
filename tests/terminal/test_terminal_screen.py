"""What the terminal shows."""

import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from batches.models.states import JobStatus
from batches.reports.progress import Progress
from terminal.screen import CLEAR, Screen, format_duration, format_money, format_progress

NOW = Progress(
    status=JobStatus.PROCESSING,
    word="processing",
    total=90,
    completed=32,
    failed=2,
    successful=30,
    in_flight=10,
    percent=37.8,
    current_item="saving",
    elapsed_s=17.0,
    remaining_s=28.6,
    items_per_minute=118.2,
    spent=Decimal("0.4213"),
    reserved=Decimal("0.8"),
    budget=Decimal("7.92"),
    blocked_until=None,
    has_worker=True,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_the_line_has_items_rate_cost_and_what_remains() -> None:
    assert format_progress(NOW) == "[#########---------------] 34/90, 2 failed, 118/min, $0.4213, 29 s left"


def test_the_line_says_what_it_waits_for() -> None:
    pausing = replace(NOW, status=JobStatus.PAUSED, word="pausing", remaining_s=None)
    assert format_progress(pausing).endswith("pausing, 10 in flight")
    assert format_progress(replace(NOW, has_worker=False)).endswith("waiting for a worker")


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "$0.00"), ("0.5", "$0.50"), ("0.04213", "$0.0421"), ("1.005", "$1.00"), ("1234.5", "$1,234.50")],
)
def test_money(amount: str, text: str) -> None:
    assert format_money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (7500, "2 h 5 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_terminal_has_a_bar_that_words_wipe_away() -> None:
    terminal = Terminal()
    screen = Screen(only_json=False, out=terminal, err=terminal)
    screen.show(NOW)
    screen.show(NOW)
    screen.say("done")
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith(f"{CLEAR}done\n")


def test_without_a_terminal_there_is_a_line_every_ten_seconds() -> None:
    log = io.StringIO()
    screen = Screen(only_json=False, out=io.StringIO(), err=log)
    screen.show(NOW)
    screen.show(NOW)
    assert log.getvalue() == f"{format_progress(NOW)}\n"


def test_with_json_standard_output_has_the_object_alone() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(only_json=True, out=out, err=err)
    screen.say("words")
    screen.result({"name": "Gr\u00fc\u00dfe"})
    assert json.loads(out.getvalue()) == {"name": "Gr\u00fc\u00dfe"}
    assert err.getvalue() == "words\n"
    without = Screen(only_json=False, out=out, err=err)
    without.result({"name": "x"})
    assert out.getvalue().count("\n") == 1


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    Screen(only_json=False, out=Gone(), err=Gone()).say("words")
