"""All numbers of a batch's page come from one moment, however the batch moves while the page is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from tests.factories import make_conversation, make_item, make_job
from tests.support.live_page import read_numbers
from workspaces.models import User

LIVE = {"HX-Request": "true", "HX-Target": "div#live"}


def complete(item: BatchItem) -> None:
    """What the engine commits in one transaction when a reply is filed."""
    BatchItem.objects.filter(pk=item.pk).update(status=ItemStatus.COMPLETED)
    make_conversation(item=item)
    BatchJob.objects.filter(pk=item.job_id).update(
        completed_items=F("completed_items") + 1, successful_items=F("successful_items") + 1
    )


@contextmanager
def completing_after_progress(items: list[BatchItem]) -> Iterator[None]:
    """Another connection completes one more item after each query of the request that reads the batch."""

    def work() -> None:
        try:
            complete(items.pop())
        finally:
            connection.close()

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if items and ("batch_jobs" in sql or "batch_items" in sql):
            worker = Thread(target=work)
            worker.start()
            worker.join()
        return found

    with connection.execute_wrapper(watch):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("polled", [False, True], ids=["page", "poll"])
def test_the_four_numbers_agree_while_items_end(
    client: Client, signed_in: Client, owner: User, polled: bool
) -> None:
    job = make_job(by=owner, status=JobStatus.PROCESSING, total_items=12)
    items = [make_item(job=job) for _ in range(12)]
    for item in items[:3]:
        complete(item)
    address = f"/batches/{job.pk}/"
    with completing_after_progress(items[3:]):
        answer = (
            client.get(f"{address}progress/?rev=old.old", headers=LIVE) if polled else client.get(address)
        )
    numbers = read_numbers(answer.text)
    assert numbers.agree, numbers
    assert numbers.progress >= 3


@pytest.mark.django_db
def test_one_answer_brings_every_region_for_the_page_that_is_open(
    client: Client, signed_in: Client, owner: User
) -> None:
    job = make_job(by=owner, status=JobStatus.PROCESSING, total_items=60, failed_items=55)
    for number in range(60):
        make_item(job=job, status=ItemStatus.FAILED if number < 55 else ItemStatus.QUEUED)
    path = f"/batches/{job.pk}/"
    shown = {**LIVE, "HX-Current-URL": f"http://testserver{path}?show=failed&page=2#items"}
    answer = client.get(f"{path}progress/?rev=old.old", headers=shown)
    for region in ('id="live"', 'id="items"', 'id="side"', 'id="side-count"'):
        assert answer.text.count(region) == 1, region
    assert (answer.context["page"].number, answer.context["page"].count) == (2, 55)
    assert f'href="{path}?show=failed&amp;page=1"' in answer.text
    elsewhere = {**LIVE, "HX-Current-URL": "http://testserver/conversations/?show=failed&page=2"}
    assert client.get(f"{path}progress/?rev=old.old", headers=elsewhere).context["page"].number == 1
