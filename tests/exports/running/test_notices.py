"""What the notice of an export says: what is true, with the number of conversations, and the way to its page."""

import pytest
from django.test import Client

from background.models import BackgroundJob
from background.states import JobState
from batches.actions.notices import make_notices, words_of
from batches.models import Notice
from conversations.models import Conversation
from conversations.states import Status
from conversations.versions import edit
from exports.models import Export
from exports.models.states import ExportState
from exports.running.actions import write_export
from tests.exports.conftest import Exporting, list_files, run_again
from tests.factories import make_conversation
from tests.support.background import run
from workspaces.models import User

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "HX-Target": "span#shell-poll"}


def approve(owner: User, count: int) -> list[Conversation]:
    return [
        make_conversation(by=owner, status=Status.APPROVED, turns=[f"Hello {number}?", "Hi."], simulated=True)
        for number in range(count)
    ]


def find_notice(made: Export) -> Notice:
    make_notices()
    found: Notice = Notice.objects.with_job().get(background=made.job)
    assert found.target_url == made.get_absolute_url()
    return found


def test_one_that_waits_is_not_told_as_finished(owner: User, export: Exporting) -> None:
    approve(owner, 3)
    made = export(simulated=True, pauses=True)
    notice = find_notice(made)
    assert words_of(notice) == "The export of 3 conversations is checked and waits for you."
    assert (notice.reason, notice.completed_items, notice.total_items) == ("waits", 3, 3)
    written = run_again(write_export(made, by=owner))
    assert (written.job and written.job.total, written.job and written.job.done) == (3, 3)
    notice = find_notice(written)
    assert words_of(notice) == "Finished: 3 conversations in 1 file."
    assert (notice.reason, notice.completed_items, notice.total_items) == ("", 3, 3)


def test_one_that_is_stopped(owner: User, export: Exporting) -> None:
    make_conversation(by=owner, status=Status.APPROVED, turns=["A question without an answer"])
    notice = find_notice(export())
    assert words_of(notice) == (
        "The check of 1 conversation found what would break a trainer. Nothing was written."
    )
    assert notice.reason == "stopped"


def test_pairs_are_counted_as_pairs(owner: User, export: Exporting) -> None:
    (chain,) = approve(owner, 1)
    edit(chain, {2: "Better."}, by=owner)
    edit(Conversation.objects.heads().get(), {2: "Best."}, by=owner).approve(by=owner)
    made = export(simulated=True, format="preference")
    assert words_of(find_notice(made)) == "Finished: 2 pairs of 1 conversation in 1 file."
    assert made.job is not None
    assert (made.job.done, made.job.total) == (6, 6), "two are stored, checked and written"


def test_pages_say_the_same(client: Client, owner: User, export: Exporting) -> None:
    approve(owner, 2)
    client.force_login(owner)
    client.get("/shell/", headers=POLL)  # from now on this person is told
    made = export(simulated=True, pauses=True)
    make_notices()
    assert made.job is not None
    toast = client.get("/shell/", headers=POLL).text
    words = "The export of 2 conversations is checked and waits for you."
    assert f'<a href="{made.get_absolute_url()}">{made.job.name}</a>: {words}' in toast
    assert 'class="alert warn" role="alert"' in toast
    assert "Paused" in client.get("/batches/notices/").text
    assert "100%" in client.get("/background-jobs/").text
    page = client.get(made.job.get_absolute_url()).text
    assert "100%" in page
    assert f'href="{made.get_absolute_url()}"' in page


@pytest.mark.parametrize("stops", [True, False])
def test_a_worker_that_dies_after_the_last_step_changes_nothing(
    owner: User, export: Exporting, files_in: object, stops: bool
) -> None:
    """The job is claimed again, and must neither write what is to wait nor write twice."""
    approve(owner, 1)
    made = export(simulated=True, pauses=stops)
    before = made.files
    assert made.job is not None
    BackgroundJob.objects.filter(pk=made.job.pk).update(status=JobState.QUEUED, ended_at=None)
    run(made.job)
    made.refresh_from_db()
    assert made.state == (ExportState.CHECKED if stops else ExportState.COMPLETED)
    assert made.files == before
    assert list_files(files_in) == ([] if stops else ["my-data-simulated.jsonl"])  # type: ignore[arg-type]


def test_a_job_of_an_earlier_version_says_no_number() -> None:
    job = BackgroundJob(kind="export", status=JobState.COMPLETED, done=90, total=120)
    assert job.describe_end().sentence == "Finished."
    assert (job.page_url, job.percent) == (None, 100)
