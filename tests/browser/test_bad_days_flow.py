"""What goes wrong or is thought better of: a closed window, failed calls, a cancelled batch, a text that is made anew."""

import re

import pytest
from playwright.sync_api import Page, expect

from batches.models import BatchJob
from batches.models.states import JobStatus
from conversations.models import Conversation
from conversations.states import Status
from lorapipe.queues import Queue
from templates_app.models import TemplateVersion
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.factories import make_conversation
from tests.support.engine import Engine, wait_for_end
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

STATE = "#live h1"


def start(page: Page, *, limit: int) -> BatchJob:
    """Start the first `limit` of the plan from the first page."""
    page.locator("#id_limit").fill(str(limit))
    expect(page.locator("#the-plan")).to_contain_text(f"{limit} conversations")
    page.get_by_role("button", name=re.compile(r"Start, spend up to \$")).click()
    wait_for(BatchJob.objects.exists, what="the job is made")
    return BatchJob.objects.get()


def test_a_batch_goes_on_while_the_browser_is_closed(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.options(latency=1.0, rpm=None, burst=None)
    page = ready(open_page("/", by=owner))
    job = start(page, limit=40)
    expect(page.locator(STATE)).to_contain_text("Processing")
    page.context.close()
    done = BatchJob.objects.get(pk=job.pk).completed_items
    wait_for(
        lambda: BatchJob.objects.get(pk=job.pk).completed_items > done, what="it goes on without a window"
    )
    page = ready(open_page("/", by=owner, shell=True))
    page.locator("#shell-live .strip a").click()
    expect(page).to_have_url(re.compile(f"/batches/{job.pk}/"))
    fast_simulator.options(latency=0.05, rpm=None, burst=None)
    wait_for_end(job, states=[JobStatus.COMPLETED])
    expect(page.locator(STATE)).to_contain_text("Completed")
    expect(page.locator("#live .big strong")).to_have_text("40")
    page.route("**/shell/", lambda route: route.fulfill(status=204))


def test_one_in_five_fails_is_looked_at_and_tried_again(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.faults([{"kind": "refusal", "times": None, "share": 0.2}])
    page = ready(open_page("/", by=owner))
    job = start(page, limit=30)
    # Not by `wait_for`: while that waits, the browser's requests of the shell get no answer from this thread.
    expect(page.locator(STATE)).to_contain_text(re.compile(r"Completed, \d+ failed"))
    job.refresh_from_db()
    assert 0 < job.failed_items < 20
    page.locator("#live a[data-key=e]").click()
    expect(page).to_have_url(re.compile("show=failed"))
    expect(page.locator("#items tr[data-row]")).to_have_count(job.failed_items)
    expect(page.locator(".errs")).to_contain_text(re.compile("refus", re.IGNORECASE))
    keep_picture(page, "batch-failed")
    fast_simulator.faults([])
    page.get_by_role("link", name=f"Retry {job.failed_items} failed…").click()
    button = page.get_by_role("button", name=re.compile(rf"Retry {job.failed_items}, about \$"))
    expect(button).to_be_visible()
    button.click()
    expect(page.locator("#live .big strong")).to_have_text("30")
    expect(page.locator(STATE)).to_contain_text(re.compile(r"Completed\s+Simulated"))
    assert Conversation.objects.filter(origin_job=job).count() == 30


def test_a_batch_is_cancelled_and_keeps_what_is_finished(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.options(latency=0.5, rpm=None, burst=None)
    page = ready(open_page("/", by=owner))
    job = start(page, limit=90)
    expect(page.locator("#items")).to_contain_text("Completed")
    page.keyboard.press("Shift+C")
    page.get_by_role("button", name="Cancel the batch").click()
    expect(page.locator(STATE)).to_contain_text("Cancelled")
    job.refresh_from_db()
    assert 0 < job.completed_items < 90
    assert Conversation.objects.filter(origin_job=job).count() == job.completed_items
    expect(page.locator("#live .big strong")).not_to_have_text("90")


@pytest.fixture
def single(engine: Engine) -> Engine:
    engine.start_dispatcher()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    return engine


def test_made_anew_with_other_values_the_old_version_is_kept(
    open_page: OpenPage, single: Engine, owner: User
) -> None:
    version = TemplateVersion.objects.get(
        template__workspace=owner.personal_workspace(), template__name="Emotional arc"
    )
    values = {"topic": "a pension", "persona": "Recent Graduate", "emotion": "hopeful"}
    old = make_conversation(
        by=owner,
        title="About a pension",
        status=Status.NEEDS_REVISION,
        template_version=version,
        parameters=values,
    )
    page = ready(open_page(f"/conversations/{old.pk}/", by=owner))
    page.get_by_role("link", name=re.compile("Regenerate")).first.click()
    page.locator("#id_instruction").fill("Let the adviser ask more questions.")
    page.locator("#value-topic").fill("a house in Porto")
    page.get_by_role("button", name=re.compile("about")).click()
    page.wait_for_url(re.compile(r"/items/"))
    page.wait_for_url(re.compile(r"/conversations/[0-9a-f-]+/$"))
    new = Conversation.objects.get(root=old.root_id, version=2)
    expect(page).to_have_url(re.compile(f"/conversations/{new.pk}/"))
    assert new.parameters["topic"] == "a house in Porto"
    expect(page.locator("ol.chain > li")).to_have_count(2)
    keep_picture(page, "regenerated")
    page.locator("ol.chain").get_by_role("link", name="Version 1", exact=True).click()
    expect(page).to_have_url(re.compile(f"/conversations/{old.pk}/"))
    old.refresh_from_db()
    assert (old.is_head, old.status) == (False, "archived")
