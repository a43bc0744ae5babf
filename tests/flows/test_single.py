"""One conversation by the real engine: the waiting request, its places, and how soon it starts beside a big job."""

import json
import threading
import time
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest
from django.conf import settings

from batches.actions.single import plan_one, start_one
from batches.api.long_poll import PLACES
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import JobKind
from conversations.models import Conversation
from lorapipe.queues import Queue
from stack.environment import count_web_processes
from templates_app.models import PromptTemplate
from tests.support.engine import Engine
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.actions import create_token
from workspaces.models import User

VALUES = {"topic": "a pension", "persona": "Anxious Investor"}


@pytest.fixture
def template(owner: User) -> PromptTemplate:
    return PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")


class Caller:
    """Somebody with a token, over real HTTP."""

    def __init__(self, address: str, owner: User, template: PromptTemplate) -> None:
        self.address, self.template = address, template
        self.token = create_token(owner, name="flow")

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any, float]:
        """Status, answer and seconds."""
        request = urllib.request.Request(
            f"{self.address}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, json.load(answer), time.monotonic() - begun
        except HTTPError as refused:
            return refused.code, json.load(refused), time.monotonic() - begun

    def generate(self, **headers: str) -> tuple[int, Any, float]:
        body = {
            "templateId": str(self.template.pk),
            "parameters": VALUES,
            "details": {"setting": "a bank"},
        }
        return self.ask("/api/conversations/generate", body, **headers)


@pytest.fixture
def caller(engine: Engine, owner: User, template: PromptTemplate) -> Caller:
    engine.start_dispatcher()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=PLACES)
    return Caller(engine.start_web(), owner, template)


def test_what_a_waiting_request_brings(caller: Caller, fast_simulator: RunningSimulator) -> None:
    fast_simulator.options(latency=0.5)
    brings_the_conversation(caller)
    will_not_wait(caller, fast_simulator)
    fails_and_is_tried_again(caller, fast_simulator)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def brings_the_conversation(caller: Caller) -> None:
    status, made, seconds = caller.generate(**{"Idempotency-Key": "k"})
    assert (status, made["success"]) == (201, True), made
    print(f"generated in {seconds:.2f} s, {seconds - 0.5:.2f} s more than the provider")
    assert seconds < 10
    conversation = Conversation.objects.get()
    assert made["conversation"]["id"] == str(conversation.pk)
    said = [turn["content"] for turn in made["conversation"]["turns"]]
    assert said == [turn.content for turn in conversation.turns.all()]
    assert caller.generate(**{"Idempotency-Key": "k"})[1]["conversation"]["id"] == str(conversation.pk)
    assert BatchJob.objects.get().kind == JobKind.SINGLE
    assert "- setting: a bank" in json.dumps(GenerationLog.objects.get().request_payload)


def will_not_wait(caller: Caller, simulator: RunningSimulator) -> None:
    simulator.options(latency=2.0)
    status, answer, seconds = caller.generate(Prefer="wait=1")
    assert (status, answer["success"]) == (202, True)
    assert 0.9 < seconds < 10
    path = f"/api/items/{answer['itemId']}"
    wait_for(lambda: caller.ask(path)[1]["status"] == "completed", seconds=30, what="the item is completed")


def fails_and_is_tried_again(caller: Caller, simulator: RunningSimulator) -> None:
    simulator.options(latency=0.05)
    simulator.faults([{"kind": "bad_request", "times": 1}])
    status, answer, _ = caller.generate(**{"Idempotency-Key": "l"})
    assert (status, answer["success"], answer["code"]) == (502, False, "invalid_request")
    assert answer["details"][0]["column"] == "requestId"
    retried = caller.ask(f"/api/items/{answer['itemId']}/retry", {}, **{"Idempotency-Key": "r"})
    assert (retried[0], retried[1]["status"]) == (202, "queued")
    assert caller.generate(**{"Idempotency-Key": "l"})[0] == 201, "the same request waits for the same item"


@pytest.mark.slow
def test_waiting_requests_leave_threads_and_connections_free(
    caller: Caller, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """Half of the web's threads wait; the others say 202 at once, pages answer, and nobody sits in a transaction."""
    fast_simulator.options(latency=4.0)
    answers: list[tuple[int, Any, float]] = []
    processes = count_web_processes()  # which of them a request comes to is chance
    threads = [
        threading.Thread(target=lambda: answers.append(caller.generate()))
        for _ in range(settings.WEB_THREADS * processes)
    ]
    for thread in threads:
        thread.start()
    wait_for(
        lambda: len(answers) >= PLACES * processes,
        seconds=20,
        what="those beyond the half are answered at once",
    )
    assert {status for status, *_ in answers} == {202}
    status, _, seconds = caller.ask("/api/conversations?limit=1")
    print(f"a list while at most {PLACES * processes} requests wait: {seconds * 1000:.0f} ms")
    assert status == 200
    assert seconds < 3
    assert_invariants()
    for thread in threads:
        thread.join(90)
    found = [status for status, *_ in answers]
    assert set(found) == {201, 202}
    assert found.count(201) <= PLACES * processes
    wait_for(lambda: Conversation.objects.count() == settings.WEB_THREADS * processes, seconds=60)
    assert_invariants()


def test_it_starts_at_once_beside_a_big_job(
    owner: User, engine: Engine, template: PromptTemplate, fast_simulator: RunningSimulator
) -> None:
    """`generation` is full and has a thousand more to do; `interactive` is a process of its own."""
    fast_simulator.options(latency=1.0)
    engine.start(slots=8)
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    big = start_starter_job(owner, limit=1000, concurrency=10)
    wait_for(lambda: BatchJob.objects.get(pk=big.pk).in_flight >= 8, seconds=60, what="the workers are full")
    delays = [start_delay(template, owner) for _ in range(5)]
    print("started after", ", ".join(f"{delay:.2f} s" for delay in delays))
    assert sorted(delays)[2] < 2, "the median; a loaded machine may be late once"
    assert BatchJob.objects.get(pk=big.pk).completed_items < 900, "it was busy all the while"
    assert_invariants()


def start_delay(template: PromptTemplate, owner: User) -> float:
    """Seconds from the start to the announced call."""
    version = template.published_version()
    assert version
    item = start_one(plan_one(version, VALUES), by=owner)
    wait_for(lambda: GenerationLog.objects.filter(item=item).exists(), seconds=30, what="it starts")
    made = BatchItem.objects.get(pk=item.pk).created_at
    begun = GenerationLog.objects.filter(item=item).earliest("created_at").created_at
    return float((begun - made).total_seconds())
