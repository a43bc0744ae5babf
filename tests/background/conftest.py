"""A kind of job for the tests: it counts to 5, one step for each number."""

from collections.abc import Callable

import pytest

from background import kinds
from background.kinds import Kind
from background.running import RunningJob

Before = Callable[[int], None]
COUNT_TO = 5


class Counting:
    """`numbers` are those whose step was committed; `before` is called within each step, before its end."""

    def __init__(self) -> None:
        self.before: Before = lambda number: None
        self.gives_way = True

    def run(self, job: RunningJob) -> None:
        if job.row.total is None:
            job.set_total(COUNT_TO)
        first = job.place.get("next", 1)
        for number in range(first, COUNT_TO + 1):
            with job.step(gives_way=self.gives_way) as step:
                self.before(number)
                step.done, step.place = 1, {"next": number + 1}
                step.result = {"sum": number, "last": str(number)}


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting()
    monkeypatch.setitem(kinds.load_kinds(), "counting", Kind("counting", "Counting", made.run))
    return made
