import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories import make_job
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many batches the list has: session, user, workspaces (three times), count, rows, running batch,
# number of conversations.
QUERIES = 13  # one is the number of the review queue in the menu


def test_ones_own_batches_newest_first(client: Client, owner: User) -> None:
    for name in ("first", "second"):
        make_job(by=owner, name=name)
    make_job(name="foreign")
    page = client.get("/batches/")
    assert [job.name for job in page.context["page"].rows] == ["second", "first"]
    assert "foreign" not in page.text


def test_nothing_yet(client: Client, owner: User) -> None:
    assert "No batches yet" in client.get("/batches/").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "completed", "failed_items": 2}, "Completed, 2 failed"),
        ({"status": "paused", "in_flight": 1}, "Pausing"),
        ({"status": "paused"}, "Paused"),
    ],
)
def test_the_state_in_the_words_of_the_batch_page(
    client: Client, owner: User, fields: dict[str, Any], words: str
) -> None:
    job = make_job(by=owner, total_items=3, **fields)
    for path in ("/batches/", f"/batches/{job.pk}/"):
        badge = re.search(
            r'<span class="badge[^"]*">(?:<svg.*?</svg>)?([^<]+)</span>', client.get(path).text, re.S
        )
        assert badge, path
        assert badge[1].strip() == words, path


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(5):
        make_job(by=owner)
    with django_assert_max_num_queries(QUERIES):
        client.get("/batches/")
