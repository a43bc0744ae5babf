"""/readyz: what is missing is named, also a database that answers but cannot write."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from batches.models import Worker
from lorapipe.queues import Queue
from lorapipe.views import LATE_S
from tests.factories import make_worker
from workspaces.models import ClockTimestamp

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workers() -> None:
    for queue in Queue:
        make_worker(queues=[queue.value], heartbeat_at=ClockTimestamp())


def test_all_is_there(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "database": True, "broker": True, "writes": True, "workers": True},
    )


def test_a_database_that_takes_no_heartbeats_cannot_write(client: Client) -> None:
    """The workers still count as living then: their lease is longer."""
    late = timedelta(seconds=settings.ENGINE_HEARTBEAT_S + LATE_S + 1)
    assert late.total_seconds() < settings.ENGINE_STALE_S
    Worker.objects.update(heartbeat_at=ClockTimestamp() - late)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "database": True,
        "broker": True,
        "writes": False,
        "workers": True,
    }


def test_one_heartbeat_in_time_is_enough(client: Client) -> None:
    late = timedelta(seconds=settings.ENGINE_HEARTBEAT_S + LATE_S + 1)
    Worker.objects.filter(queues=[Queue.GENERATION]).update(heartbeat_at=ClockTimestamp() - late)
    assert client.get("/readyz").status_code == 200


def test_a_queue_without_a_worker_is_missed(client: Client) -> None:
    Worker.objects.filter(queues=[Queue.INTERACTIVE]).delete()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["workers"]) == (503, False)
