"""The strip of the running batch, the numbers of the menu, and toasts for what has ended: on every page, kept up to date."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from background.states import JobState
from batches.actions.notices import make_notices
from batches.models import BatchJob
from batches.models.states import JobStatus
from tests.factories import make_background_job, make_conversation, make_job
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
POLL = {"HX-Request": "true", "HX-Target": "span#shell-poll"}


def test_every_page_asks_for_the_shell(client: Client, owner: User) -> None:
    for path in ("/", "/batches/", "/conversations/", "/templates/", "/settings/budget/"):
        assert 'hx-get="/shell/"' in client.get(path).text, path


def test_the_page_of_a_running_batch_brings_these_numbers_with_its_own(client: Client, owner: User) -> None:
    job = make_job(by=owner, items=1)
    page = client.get(f"/batches/{job.pk}/").text
    assert ('id="shell-live"' in page, 'hx-get="/shell/"' in page) == (True, False)
    BatchJob.objects.update(status=JobStatus.COMPLETED)
    live = {"HX-Request": "true", "HX-Target": "div#live"}
    last = client.get(f"/batches/{job.pk}/progress/?rev=old.old", headers=live).text
    assert 'hx-get="/shell/"' in last, "from its end on it asks as every page does"


def test_the_strip_and_the_numbers(client: Client, owner: User) -> None:
    make_conversation(workspace=owner.personal_workspace())
    job = make_job(by=owner, total_items=9, completed_items=4, name="The run", status=JobStatus.PROCESSING)
    make_job(name="foreign", status=JobStatus.PROCESSING)
    found = client.get("/shell/", headers=POLL)
    assert found["Cache-Control"] == "no-store"
    for words in ("The run", "4 of 9", 'id="side-count" hx-swap-oob="true">1<', 'class="live"'):
        assert words in found.text, words
    assert "foreign" not in found.text
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)
    assert "The run" not in client.get("/shell/", headers=POLL).text
    assert client.get("/shell/")["Location"] == "/"


def test_the_end_of_a_background_job_is_announced_once(client: Client, owner: User) -> None:
    client.get("/shell/", headers=POLL)
    job = make_background_job(
        by=owner, kind="counting", status=JobState.COMPLETED, done=4, name="Score 4 again"
    )
    make_background_job(status=JobState.COMPLETED, name="foreign")
    make_notices()
    with CaptureQueriesContext(connection) as asked:
        told = client.get("/shell/", headers=POLL).text
    assert f'<a href="{job.get_absolute_url()}">Score 4 again</a>: Finished: 4 done.' in told
    assert "foreign" not in told
    assert not [each for each in asked if '"parameters"' in each["sql"]], "it may hold 100,000 ids"
    assert "Score 4 again" not in client.get("/shell/", headers=POLL).text


def test_the_end_of_a_batch_is_announced_once(client: Client, owner: User) -> None:
    old = make_job(by=owner, status=JobStatus.COMPLETED, total_items=1, completed_items=1, name="old")
    make_notices()
    assert "old" not in client.get("/shell/", headers=POLL).text, "it was over before one came"
    job = make_job(
        by=owner,
        status=JobStatus.COMPLETED,
        total_items=40,
        completed_items=26,
        failed_items=14,
        name="R&D <b>",
    )
    make_job(status=JobStatus.COMPLETED, total_items=1, completed_items=1, name="foreign")
    assert "R&amp;D" not in client.get("/shell/", headers=POLL).text, "nobody has noticed yet"
    make_notices()
    told = client.get("/shell/", headers=POLL).text
    assert (
        f'<a href="/batches/{job.pk}/">R&amp;D &lt;b&gt;</a>: Finished: 26 of 40 conversations, 14 failed.'
        in told
    )
    assert 'class="alert warn" role="alert"' in told
    assert "foreign" not in told
    assert "R&amp;D" not in client.get("/shell/", headers=POLL).text
    assert old.pk != job.pk
