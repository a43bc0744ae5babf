"""Requests and replies of old log rows are removed as the setting says; what they cost stays, and pages say what is gone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from batches.actions import payloads
from batches.actions.controls import use_reply
from batches.actions.payloads import remove_old_payloads
from batches.models import BatchItem, GenerationLog
from batches.models.states import ItemStatus, LogState
from lib.stale_state import StaleState
from tests.factories import make_item, make_job, make_log, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
TEXTS: dict[str, Any] = {
    "request_payload": {"messages": "the whole prompt"},
    "response_payload": {"content": "the reply"},
    "response_body": b"the reply",
    "parameters": {"topic": "a pension"},
}


@pytest.fixture(autouse=True)
def _thirty_days(settings: Settings) -> None:
    keep_for(settings, 30)


def keep_for(settings: Settings, days: int) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, payload_days=days)


def make_old(
    *, days: float, state: LogState = LogState.SUCCEEDED, item: BatchItem | None = None
) -> GenerationLog:
    made = make_log(state=state, item=item, cost_usd="0.25", output_tokens=7, **TEXTS)
    GenerationLog.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days))
    return made


def test_what_is_older_is_emptied_and_its_money_stays() -> None:
    old, young = make_old(days=31), make_old(days=29)
    assert remove_old_payloads() == 1
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.request_payload, old.response_payload, old.response_body, old.parameters) == (
        {},
        None,
        None,
        {},
    )
    assert old.payloads_removed_at is not None
    assert (str(old.cost_usd), old.output_tokens) == ("0.250000000", 7)
    assert young.request_payload == TEXTS["request_payload"]
    assert young.payloads_removed_at is None
    assert remove_old_payloads() == 0


def test_a_call_that_is_under_way_keeps_its_request() -> None:
    pending = make_old(days=31, state=LogState.PENDING)
    assert remove_old_payloads() == 0
    pending.refresh_from_db()
    assert pending.request_payload == TEXTS["request_payload"]


def test_by_default_nothing_is_removed(settings: Settings) -> None:
    keep_for(settings, 0)
    make_old(days=10_000)
    assert remove_old_payloads() == 0


def test_so_many_at_once_and_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "AT_ONCE", 2)
    oldest = [make_old(days=days) for days in (50, 40, 60)]
    assert [remove_old_payloads() for _ in range(3)] == [2, 1, 0]
    assert not GenerationLog.objects.filter(
        pk__in=[each.pk for each in oldest], payloads_removed_at=None
    ).exists()


@pytest.fixture
def failed(owner: User) -> BatchItem:
    """A failed item whose reply was paid and kept, and is now too old."""
    item = make_item(job=make_job(by=owner, items=0), status=ItemStatus.FAILED)
    make_old(days=31, state=LogState.UNUSABLE, item=item)
    return item


def test_who_would_use_a_removed_reply_is_told(failed: BatchItem, owner: User, client: Client) -> None:
    client.force_login(owner)
    page = f"/items/{failed.pk}/"
    assert "Use the kept reply" in client.get(page).text
    remove_old_payloads()
    text = client.get(page).text
    assert "Use the kept reply" not in text
    assert "was removed because of its age. A retry pays for another" in text
    with pytest.raises(StaleState, match="it was removed because of its age"):
        use_reply(failed, by=owner)


def test_the_admin_says_when_it_was_removed(failed: BatchItem, client: Client) -> None:
    remove_old_payloads()
    client.force_login(make_user(superuser=True))
    log = GenerationLog.objects.get()
    assert "Removed on " in client.get(f"/admin/batches/generationlog/{log.pk}/change/").text
