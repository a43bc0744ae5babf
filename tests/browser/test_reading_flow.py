"""One amount, one set of numbers, and reading on from one conversation to the next, as a person does it."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from batches.actions.notices import make_notices
from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from batches.web.announcements import TOLD_UNTIL
from conversations.states import Status
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.factories import make_conversation, make_item, make_job
from tests.support.polling import wait_for
from workspaces.models import User

PHONE = 390


def amount(page: Page) -> str:
    return page.locator("[data-amount-of=id_budget]").inner_text()


def finished(by: User, *, items: int = 3) -> BatchJob:
    job = make_job(by=by, total_items=items, name="The run")
    for number in range(1, items + 1):
        item = make_item(job=job, status=ItemStatus.COMPLETED)
        make_conversation(item=item, title=f"Conversation {number}", status=Status.GENERATED)
    counts = {"completed_items": items, "successful_items": items}
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED, **counts)
    return job


def test_the_amount_follows_while_one_types_and_is_that_of_the_batch(
    open_page: OpenPage, owner: User
) -> None:
    page = ready(open_page("/", by=owner))
    before = amount(page)
    page.locator("#id_limit").press_sequentially("40", delay=20)
    expect(page.locator("#the-plan")).to_contain_text("40 conversations")
    expect(page.locator("[data-amount-of=id_budget]")).not_to_have_text(before)
    expect(page.locator("#id_limit")).to_be_focused()
    shown = amount(page)
    assert page.locator("#id_budget").input_value() == shown.removeprefix("$")
    page.get_by_role("button", name=re.compile("Start, spend up to")).click()
    expect(page.locator("#live")).to_contain_text(f"limit {shown}")
    assert f"${BatchJob.objects.get().budget_usd:.2f}" == shown
    page.go_back()
    expect(page.locator("#started-before")).to_contain_text("This plan was started")
    keep_picture(page, "started-before")


def test_start_pressed_while_typing_waits_for_the_price(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/", by=owner))
    page.locator("#id_limit").fill("3")
    page.evaluate("document.querySelector('#plan [data-primary]').click()")
    expect(page.locator("#toaster")).to_contain_text("Press again to start it")
    assert not BatchJob.objects.exists()
    page.get_by_role("button", name=re.compile("Start, spend up to")).click()
    expect(page.locator("#live")).to_contain_text("limit $")
    assert BatchJob.objects.get().total_items == 3


def test_start_pressed_while_the_same_price_is_on_its_way_starts(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/", by=owner))
    page.locator("#id_limit").fill("90")
    page.evaluate("document.querySelector('#plan [data-primary]').click()")
    expect(page.locator("#live")).to_contain_text("limit $")
    assert BatchJob.objects.get().total_items == 90


def test_reading_on_by_key_and_by_button(open_page: OpenPage, owner: User) -> None:
    job = finished(owner)
    page = ready(open_page(f"/batches/{job.pk}/", by=owner))
    keep_picture(page, "finished-batch")
    page.keyboard.press("r")
    expect(page.locator("h1")).to_contain_text("Conversation 1")
    ready(page)
    page.keyboard.press("j")
    expect(page.locator("h1")).to_contain_text("Conversation 2")
    expect(page.locator(".walk")).to_contain_text("2 of 3")
    keep_picture(page, "conversation-of-a-batch")
    ready(page)
    page.keyboard.press("]")
    expect(page.locator("h1")).to_contain_text("Conversation 3")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("h1")).to_contain_text("Conversation 2")
    page.get_by_role("link", name="The run").first.click()
    second = BatchItem.objects.get(job=job, position=2)
    expect(page.locator("tr.cursor")).to_have_attribute("id", f"item-{second.pk}")
    ready(page)
    page.keyboard.press("j")
    expect(page.locator("tr.cursor")).to_contain_text("Conversation 3")


def test_the_cursor_is_kept_by_a_refresh_and_after_back(open_page: OpenPage, owner: User) -> None:
    job = make_job(by=owner, status=JobStatus.PROCESSING, total_items=4, name="The run")
    items = [make_item(job=job, topic=f"topic {n}") for n in range(4)]
    page = ready(open_page(f"/batches/{job.pk}/", by=owner))
    for _ in range(3):
        page.keyboard.press("j")
    expect(page.locator("tr.cursor")).to_contain_text("Topic 2", ignore_case=True)
    make_conversation(item=items[0], title="Done meanwhile")
    BatchItem.objects.filter(pk=items[0].pk).update(status=ItemStatus.COMPLETED)
    BatchJob.objects.filter(pk=job.pk).update(completed_items=1, successful_items=1)
    expect(page.locator("#items")).to_contain_text("Done meanwhile", timeout=20_000)
    expect(page.locator("tr.cursor")).to_contain_text("Topic 2", ignore_case=True)
    page.keyboard.press("o")
    expect(page.locator("h1")).to_contain_text("Topic 2", ignore_case=True)
    page.go_back()
    expect(page.locator("tr.cursor")).to_contain_text("Topic 2", ignore_case=True)


def test_the_end_of_a_batch_is_announced_on_another_page(open_page: OpenPage, owner: User) -> None:
    job = make_job(by=owner, status=JobStatus.PROCESSING, total_items=1, name="The run")
    page = ready(open_page("/templates/", by=owner, shell=True))
    expect(page.locator("#shell-live")).to_contain_text("The run")
    wait_for(
        lambda: TOLD_UNTIL in Session.objects.get().get_decoded(),
        what="the page has asked for the first time",
    )
    BatchJob.objects.filter(pk=job.pk).update(
        status=JobStatus.COMPLETED, completed_items=1, successful_items=1
    )
    make_notices()
    expect(page.locator("#toaster")).to_contain_text("The run: Finished: 1 of 1", timeout=20_000)
    expect(page.locator("#shell-live")).not_to_contain_text("The run")
    page.route("**/shell/", lambda route: route.fulfill(status=204))


@pytest.mark.parametrize("dark", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["light", "dark"])
def test_on_a_phone(open_page: OpenPage, owner: User, dark: bool) -> None:
    name = "x" * 180
    job = finished(owner, items=2)
    BatchJob.objects.filter(pk=job.pk).update(name=name)
    for address in (
        "/",
        "/conversations/",
        f"/batches/{job.pk}/",
        "/batches/",
        f"/batches/{job.pk}/duplicate/",
    ):
        page = ready(open_page(address, by=owner, width=PHONE, dark=dark))
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE, address
        keep_picture(page, f"phone{address.replace('/', '-')[:20]}{'-dark' if dark else ''}", whole=False)
    page = ready(open_page("/", by=owner, width=PHONE, dark=dark))
    start = page.get_by_role("button", name=re.compile("Start, spend up to")).bounding_box()
    table = page.locator("#the-plan").bounding_box()
    main = page.locator("#main").bounding_box()
    assert start
    assert table
    assert main
    assert start["y"] < table["y"], "Start is not behind the rows"
    assert main["y"] <= 170, "the header leaves room for the page"
    page = ready(open_page("/conversations/", by=owner, width=PHONE, dark=dark))
    page.locator("details.filters summary").click()
    keep_picture(page, f"phone-filter{'-dark' if dark else ''}", whole=False)
    apply = page.get_by_role("button", name="Apply").bounding_box()
    assert apply
    assert apply["x"] >= 0
    assert apply["x"] + apply["width"] <= PHONE
