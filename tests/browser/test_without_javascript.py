"""The whole job in a browser that runs no script: by forms and links alone, on the real engine, with a reload for news."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from conversations.models import Conversation
from conversations.states import Status
from exports.models import Export
from lorapipe.queues import Queue
from templates_app.models import PromptTemplate
from tests.browser.conftest import PATIENCE_MS, OpenPage, keep_picture
from tests.factories import make_conversation, make_template
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.actions import create_sign_in_link
from workspaces.models import User, Workspace

STATE = "#live h1"
ENDED = "#live .big strong"
START = re.compile(r"Start, spend up to \$")
RELOAD = "Reload to see news"
PASSWORD = "a long sentence that nobody guesses"
TEXTS = ["Should I rent or buy?", "That depends on how long you stay.", "Five years.", "Then rent."]


@pytest.fixture
def single_worker(engine: Engine) -> Engine:
    """What generates single conversations and does background jobs, such as exports."""
    engine.start_dispatcher()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    return engine


def make_many(owner: User, subject: str, count: int, **fields: object) -> list[Conversation]:
    version = make_template(workspace=owner.personal_workspace(), name=subject).versions.get()
    return [
        make_conversation(
            by=owner,
            title=f"About a {subject}, number {number}",
            turns=[f"{subject} {number}: {TEXTS[0]}", *TEXTS[1:]],
            template_version=version,
            parameters={"topic": subject},
            topic=subject,
            **{"status": Status.GENERATED, **fields},  # type: ignore[arg-type]
        )
        for number in range(1, count + 1)
    ]


def reload(page: Page) -> None:
    """As the page says: nothing on it moves by itself."""
    page.get_by_role("link", name=RELOAD).click()


def reload_until(page: Page, selector: str, words: str) -> None:
    """Press the link as a person does who waits for something."""
    for _ in range(200):
        if words in page.locator(selector).inner_text():
            return
        reload(page)
        page.wait_for_timeout(200)
    pytest.fail(f"{selector} never says {words!r}")


def read_lines(page: Page, link: str) -> list[dict[str, list[dict[str, str]]]]:
    """The rows of the JSONL file that a link downloads."""
    with page.expect_download() as started:
        page.get_by_role("link", name=link).first.click()
    return [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]


def test_sign_in_search_filter_and_sign_out(open_page: OpenPage, owner: User) -> None:
    owner.set_password(PASSWORD)
    owner.save(update_fields=["password"])
    make_many(owner, "mill", 2)
    make_many(owner, "boat", 2, status=Status.REJECTED, tier="scenario")
    page = open_page("/conversations/?sort=created", script=False)
    page.get_by_label("Name or e-mail").fill("owner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/conversations/\?sort=created$"))
    rows = page.locator("#table tr[data-row]")
    expect(rows).to_have_count(4)
    page.get_by_label("Search conversations").fill("boat 2: should I rent")
    page.get_by_label("Search conversations").press("Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("About a boat, number 2")
    page.locator("a.chip", has_text="boat 2").click()
    choose_filters(page)
    expect(rows).to_have_count(2)
    expect(page.locator("#table")).not_to_contain_text("About a mill")
    expect(page).to_have_url(re.compile("status=rejected"))
    page.get_by_role("link", name="Clear all").first.click()
    expect(rows).to_have_count(4)
    page.locator("summary[aria-label='Account of owner']").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def choose_filters(page: Page) -> None:
    page.locator(".filters summary").click()
    page.locator("#filter-form label.chip", has_text="Scenario").click()
    page.locator("#filter-form label.chip", has_text="Rejected").click()
    keep_picture(page, "plain-filters", whole=False)
    page.locator("#filter-form").get_by_role("button", name="Apply").click()


def test_peek(open_page: OpenPage, owner: User) -> None:
    make_many(owner, "boat", 2)
    page = open_page("/conversations/?sort=created", by=owner, script=False)
    page.get_by_role("link", name="Peek at About a boat, number 1").click()
    expect(page.locator("#peek")).to_contain_text("boat 1: Should I rent or buy?")
    page.locator("#peek").get_by_role("link", name="Close").click()
    expect(page.locator("#peek")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?sort=created$"))


def plan(page: Page, count: int) -> None:
    page.locator("#id_limit").fill(str(count))
    page.get_by_role("button", name="Update plan").click()
    expect(page.locator("#the-plan")).to_contain_text(f"{count} conversations")


def test_generate_all_pause_resume_and_read_the_summary(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.options(latency=0.4, rpm=None, burst=None)
    page = open_page(f"/sign-in/{create_sign_in_link(owner)}/", script=False)
    page.get_by_role("button", name="Sign in as owner").click()
    expect(page.locator("#the-plan")).to_contain_text("90 conversations")
    plan(page, 30)
    page.get_by_role("button", name=START).click()
    reload_until(page, "#live", "Generating")
    keep_picture(page, "plain-running")
    page.get_by_role("button", name="Pause").click()
    job = BatchJob.objects.get()
    wait_for_end(job, states=[JobStatus.PAUSED])
    page.goto(reverse("batch", args=[job.pk]))
    expect(page.locator(STATE)).to_contain_text("Paused")
    assert 0 < job.completed_items < 30
    expect(page.locator(ENDED)).to_have_text(str(job.completed_items))
    fast_simulator.options(latency=0.05, rpm=None, burst=None)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(STATE)).to_contain_text("Processing")
    wait_for_end(job, states=[JobStatus.COMPLETED])
    reload(page)
    expect(page.locator(STATE)).to_contain_text("Completed")
    check_summary(page, job)


def check_summary(page: Page, job: BatchJob) -> None:
    expect(page.locator(ENDED)).to_have_text("30")
    expect(page.locator("#live .stats")).to_contain_text(re.compile(r"Succeeded\s*30"))
    expect(page.get_by_role("link", name=RELOAD)).to_have_count(0)
    keep_picture(page, "plain-finished")
    assert len(read_lines(page, "Download JSONL")) == 30
    page.get_by_role("link", name="Scores, flags and diversity").click()
    expect(page.locator("h1")).to_contain_text("Quality of Starter plan")
    page.goto(reverse("batch", args=[job.pk]))
    page.locator("#items td.title a").first.click()
    expect(page.locator(".turn.user").first).to_be_visible()
    page.get_by_role("link", name=job.name).first.click()
    expect(page.locator("#live")).to_contain_text("Completed")


def test_start_pause_and_cancel(open_page: OpenPage, owner: User) -> None:
    page = open_page("/", by=owner, script=False)
    plan(page, 3)
    page.get_by_role("button", name=START).click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(STATE)).to_contain_text("Paused")
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the batch").click()
    expect(page.locator(STATE)).to_contain_text("Cancelled")
    assert BatchJob.objects.get().status == JobStatus.CANCELLED


def open_made(page: Page) -> Conversation:
    """The page of an item leads to its conversation by itself: it asks for itself again every two seconds."""
    page.wait_for_url(re.compile(r"/conversations/[0-9a-f-]+/"), timeout=PATIENCE_MS)
    return Conversation.objects.latest("created_at")


def test_generate_one_retry_it_and_regenerate_it(
    open_page: OpenPage, owner: User, single_worker: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "bad_request", "times": 1}])
    template = PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")
    page = open_page("/generate/", by=owner, script=False)
    page.locator("#id_template").select_option(label="Emotional arc")
    page.get_by_role("button", name="Use this template").click()
    page.locator("#value-topic").fill("plain")
    page.get_by_role("button", name="Update preview and price").click()
    expect(page.locator("#preview .m-filled[data-of=topic]").first).to_have_text("plain")
    keep_picture(page, "plain-generate-one")
    page.get_by_role("button", name=re.compile("Generate, about")).click()
    expect(page.locator("#live")).to_contain_text("Request refused")
    keep_picture(page, "item-failed")
    page.get_by_role("button", name=re.compile(r"Retry, about \$")).click()
    made = open_made(page)
    assert (made.topic, BatchJob.objects.count()) == ("plain", 1)
    assert made.template_version is not None
    assert made.template_version.template == template
    assert BatchItem.objects.get().status == ItemStatus.COMPLETED
    regenerate(page, made)


def regenerate(page: Page, made: Conversation) -> None:
    page.get_by_role("link", name="Regenerate…").click()
    page.get_by_label("What should be different?").fill("Shorter, please.")
    page.get_by_role("button", name="Update preview and price").click()
    expect(page.locator("#preview")).to_contain_text("Shorter, please.")
    page.get_by_role("button", name=re.compile("Regenerate, about")).click()
    again = open_made(page)
    assert (again.version, again.root_id, again.topic) == (2, made.root_id, "plain")
    expect(page.locator("section:has(#versions)")).to_contain_text("Version 2")
    made.refresh_from_db()
    assert not made.is_head


def test_decide_in_the_review_queue(open_page: OpenPage, owner: User) -> None:
    first, second, third, fourth = make_many(owner, "pension", 4)
    page = open_page("/review/?order_by=oldest", by=owner, script=False, dark=True)
    title = page.locator("h1")
    keep_picture(page, "review-dark")
    expect(title).to_contain_text(first.title)
    page.get_by_role("button", name="Approve").click()
    expect(title).to_contain_text(second.title)
    page.get_by_role("button", name="Undo last").click()
    expect(title).to_contain_text(first.title)
    assert Conversation.objects.get(pk=first.pk).status == Status.GENERATED
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("say why")).to_be_visible()
    page.locator("#decision label.chip").first.click()
    page.get_by_label("Note").fill("Not for us.")
    page.get_by_role("button", name="Reject").first.click()
    expect(title).to_contain_text(third.title)
    page.get_by_role("button", name="Skip").click()
    expect(title).to_contain_text(fourth.title)
    edit_and_comment(page)
    page.get_by_role("button", name="Approve").first.click()
    expect(title).to_contain_text(third.title)
    second.refresh_from_db()
    decision = second.decisions.get()
    assert (second.status, decision.note, len(decision.reasons)) == (Status.REJECTED, "Not for us.", 1)
    assert Conversation.objects.filter(status=Status.APPROVED).count() == 2


def edit_and_comment(page: Page) -> None:
    page.get_by_role("link", name="Edit turn 2").click()
    page.get_by_label("Text of turn 2").fill("It depends.")
    page.get_by_role("button", name="Save a version").click()
    expect(page.locator("#t2 .bubble")).to_have_text("It depends.")
    page.locator("#t1 summary", has_text="Comment").click()
    page.get_by_label("Comment on turn 1").fill("Who asks this?")
    page.locator("#t1").get_by_role("button", name="Save the comment").click()
    expect(page.locator("#t1 .comment")).to_contain_text("Who asks this?")


def test_decide_about_many(open_page: OpenPage, owner: User) -> None:
    """Ticked rows, then all that match a search, more than the page shows."""
    mills, boats = make_many(owner, "mill", 3), make_many(owner, "boat", 55)
    page = open_page("/conversations/?q=mill", by=owner, script=False)
    for each in mills[:2]:
        page.get_by_label(f"Tick {each.title}").check()
    page.locator("#bulk").get_by_role("button", name="Approve…").click()
    expect(page.locator("h1")).to_have_text("Approve 2 conversations?")
    page.get_by_role("button", name="Approve 2").click()
    expect(page.locator("#table .badge", has_text="Approved")).to_have_count(2)
    page.goto("/conversations/?q=boat")
    page.locator("#bulk label.chip", has_text="All 55").click()
    page.locator("#bulk").get_by_role("button", name="Reject…").click()
    expect(page.locator("h1")).to_have_text("Reject 55 conversations?")
    page.locator("label.chip").first.click()
    keep_picture(page, "plain-bulk")
    page.get_by_role("button", name="Reject 55").click()
    expect(page.locator("#table .badge", has_text="Rejected").first).to_be_visible()
    found = Conversation.objects.values_list("status", flat=True)
    assert list(found.filter(topic="boat").distinct()) == [Status.REJECTED]
    assert sorted(found.filter(topic="mill")) == [Status.APPROVED, Status.APPROVED, Status.GENERATED]
    assert len(boats) == 55


@pytest.fixture
def export_worker(
    workspace: Workspace, fast_simulator: RunningSimulator, settings: Any, tmp_path: Path
) -> Iterator[None]:
    """It writes the files where the pages read them, as on one machine."""
    place = tmp_path / "exports"
    place.mkdir()
    storage = {**settings.STORAGES["exports"], "OPTIONS": {"location": place}}
    settings.STORAGES = {**settings.STORAGES, "exports": storage}
    with running_engine(fast_simulator.url, tmp_path, LORAPIPE_EXPORT_DIR=str(place)) as engine:
        engine.start_dispatcher()
        engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
        yield


@pytest.mark.usefixtures("export_worker")
def test_export_the_approved_ones_and_read_the_file(open_page: OpenPage, owner: User) -> None:
    made = make_many(owner, "pension", 3)
    for each in made[:2]:
        each.approve(by=owner)
    page = open_page("/conversations/?status=approved", by=owner, script=False)
    page.locator("#bulk label.chip", has_text="All 2").click()
    page.locator("#bulk").get_by_role("button", name="Export…").click()
    page.get_by_label("Name", exact=True).fill("Plain")
    page.get_by_label("Validation, %").fill("0")
    page.get_by_role("button", name="Check and export").click()
    reload_until(page, "#live", "Waits for you")
    keep_picture(page, "plain-export")
    page.get_by_role("button", name="Write the files").click()
    reload_until(page, "#live", "Manifest")
    lines = read_lines(page, "Download")
    asked = {line["messages"][-4]["content"] for line in lines}
    assert asked == {f"pension {number}: {TEXTS[0]}" for number in (1, 2)}
    wait_for(lambda: Export.objects.get().finished_at, what="the export is finished")
