"""The numbers of the live page of a running batch of 300, looked at 200 times."""

import pytest
from django.test import Client

from batches.models.states import JobStatus
from tests.flows.test_prompt_cache import start
from tests.support.engine import Engine, wait_for_end
from tests.support.live_page import read_numbers
from tests.support.simulator import RunningSimulator
from workspaces.models import User

LIVE = {"HX-Request": "true", "HX-Target": "div#live"}
POLLS = 200


@pytest.mark.slow
def test_the_four_numbers_agree_in_200_polls_of_a_batch_of_300(
    client: Client, owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=0.4, rpm=None, burst=None)
    client.force_login(owner)
    job = start(owner, items=300)
    engine.start()
    seen = []
    for _ in range(POLLS):
        answer = client.get(f"/batches/{job.pk}/progress/?rev=old.old", headers=LIVE)
        seen.append(read_numbers(answer.text))
    assert [numbers for numbers in seen if not numbers.agree] == []
    assert len({numbers.progress for numbers in seen}) >= 20, "the batch moved meanwhile"
    job = wait_for_end(job, seconds=240)
    assert job.status == JobStatus.COMPLETED
    assert read_numbers(client.get(f"/batches/{job.pk}/").text) == (300, 300, 300, 300)
