"""Notices are sent in threads of their own: a receiver that never ends its answer holds up no other."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from batches.actions import notices
from batches.actions.delivery_lane import DeliveryLane
from batches.actions.notices import change_webhook, make_notices
from batches.models import DeliveryState, Notice
from batches.models.states import JobStatus
from tests.factories import make_job, make_user, make_workspace
from tests.support.polling import wait_for
from tests.support.receivers import ALL_AT_ONCE, dripping
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def this_machine_is_allowed(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=("127.0.0.1",))


@pytest.fixture
def lane() -> Iterator[DeliveryLane]:
    made = DeliveryLane(threads=2)
    yield made
    made.end()


def end_jobs(count: int, *, url: str) -> Workspace:
    place = make_workspace(owner=make_user())
    change_webhook(workspace=place, url=url, by=None)
    for _ in range(count):
        make_job(workspace=place, status=JobStatus.COMPLETED, total_items=1, completed_items=1)
    return place


def make_all_notices() -> None:
    while make_notices():
        pass


def test_a_body_is_not_read(lane: DeliveryLane, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver that answers 200 and then never ends its body has taken the notice."""
    with dripping(ALL_AT_ONCE) as receiver:
        end_jobs(3, url=f"{receiver.url}/T0KEN?token=hush")
        make_all_notices()
        lane.send_due()
        wait_for(
            lambda: Notice.objects.filter(delivery=DeliveryState.DELIVERED).count() == 3,
            what="all three are delivered",
        )
    assert_tells_no_address(caplog.text)


def assert_tells_no_address(text: str) -> None:
    """Neither the path nor the query: both may be secrets of the receiver."""
    assert "T0KEN" not in text
    assert "hush" not in text


def test_there_is_a_deadline_for_the_whole_answer(
    lane: DeliveryLane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A byte now and then does not prolong it."""
    monkeypatch.setattr(notices, "DEADLINE_S", 0.5)
    with dripping(b"HTTP/1.1 200 OK\r\nX-Never-Ends: ") as receiver:
        end_jobs(1, url=f"{receiver.url}/T0KEN?token=hush")
        make_all_notices()
        lane.send_due()
        wait_for(lambda: Notice.objects.filter(attempts=1).exists(), what="the attempt is given up")
    notice = Notice.objects.get()
    assert notice.delivery == DeliveryState.WAITING
    assert "has not answered within" in notice.delivery_error
    assert "was not delivered" in caplog.text
    assert_tells_no_address(caplog.text + notice.delivery_error)


def test_a_dripping_receiver_holds_one_thread(lane: DeliveryLane) -> None:
    """A hundred of its notices wait behind each other, while another workspace's are sent by the other thread."""
    with dripping(b"") as slow, dripping(ALL_AT_ONCE) as quick:
        end_jobs(100, url=slow.url)
        make_all_notices()
        lane.send_due()
        wait_for(lambda: slow.held == 1, what="the slow one holds a thread")
        place = end_jobs(5, url=quick.url)
        make_all_notices()
        lane.send_due()
        sent = Notice.objects.filter(workspace=place, delivery=DeliveryState.DELIVERED)
        wait_for(lambda: sent.count() == 5, what="the other's notices are delivered")
        assert slow.held == 1


def test_a_failure_of_one_notice_ends_no_thread(lane: DeliveryLane, monkeypatch: pytest.MonkeyPatch) -> None:
    called = threading.Event()

    def fail(notice_id: object) -> bool:
        called.set()
        raise RuntimeError("broken")

    with dripping(ALL_AT_ONCE) as receiver:
        end_jobs(2, url=receiver.url)
        make_all_notices()
        with monkeypatch.context() as patch:
            patch.setattr("batches.actions.delivery_lane.deliver", fail)
            lane.send_due()
            assert called.wait(10)
        Notice.objects.update(next_at=Notice.objects.values("created_at")[:1])
        delivered = Notice.objects.filter(delivery=DeliveryState.DELIVERED)

        def all_delivered() -> bool:
            lane.send_due()
            return delivered.count() == 2

        wait_for(all_delivered, what="the next round delivers both")
