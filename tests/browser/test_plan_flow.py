"""A plan as a person makes it: a matrix, its gaps, trimmed, three tried, started; by keyboard alone; without script."""

import re

import pytest
from playwright.sync_api import Page, expect

from batches.models import BatchJob
from batches.models.states import JobStatus
from templates_app.models import PromptTemplate
from tests.browser.conftest import OpenPage, keep_picture
from tests.support.engine import Engine, wait_for_end
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

START = re.compile(r"Start, spend up to \$")


def described(page: Page) -> None:
    """The form of a matrix: three personas and two emotions, one combination left out."""
    page.locator("#id_template").select_option(label="Emotional arc (Template tier)")
    page.get_by_role("button", name="Choose its values").click()
    page.locator("[id='id_list-topic']").fill("paying off a car")
    page.locator("[id='id_list-persona']").fill("Gig Worker\nDebt-Burdened Nurse\nRecent Graduate")
    page.locator("[id='id_list-emotion']").fill("ashamed\nhopeful")
    page.locator("#id_count").fill("2")
    page.locator("#id_exclude").fill("Recent Graduate | ashamed")


def test_a_matrix_planned_filled_trimmed_tried_and_started(
    open_page: OpenPage, engine: Engine, fast_simulator: RunningSimulator, owner: User
) -> None:
    engine.start()
    fast_simulator.options(latency=0.05, rpm=None, burst=None)
    page = open_page("/batches/", by=owner)
    page.get_by_role("link", name="New batch").first.click()
    keep_picture(page, "plan-kinds")
    described(page)
    keep_picture(page, "plan-matrix")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.locator("#plan-title")).to_contain_text("10")
    for row in ("Gig Worker", "Gig Worker"):
        page.locator("tr[data-row]", has_text=re.compile(f"{row}(?s:.*)ashamed")).first.get_by_role(
            "checkbox"
        ).check()
        page.get_by_role("button", name="Remove ticked").click()
    expect(page.locator("#coverage")).to_contain_text("1 gap")
    keep_picture(page, "plan-gap")
    page.get_by_role("button", name="Fill the 1 gap").click()
    expect(page.locator("#coverage")).to_contain_text("0 gaps")
    expect(page.locator("#plan-title")).to_contain_text("9")
    page.get_by_role("button", name="Remove item 9").click()
    page.get_by_role("button", name="Try 3 first").click()
    expect(page.locator("#plan-title")).to_contain_text("5")
    trial = BatchJob.objects.get(trial_of__isnull=False)
    wait_for_end(trial, states=[JobStatus.COMPLETED])
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#tried")).to_contain_text("3 of 3 done")
    expect(page.locator("#run")).to_contain_text("From 3 conversations")
    keep_picture(page, "plan-tried")
    page.get_by_role("button", name=START).click()
    job = BatchJob.objects.get(trial_of=None)
    wait_for_end(job, states=[JobStatus.COMPLETED])
    expect(page.locator("#live h1")).to_contain_text("Completed")
    assert job.completed_items == 5


def test_without_script(open_page: OpenPage, owner: User, complaints: list[str]) -> None:
    page = open_page("/batches/new/", by=owner, script=False)
    described(page)
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Move item 1 down").click()
    page.get_by_label("Place of item 10").fill("1")
    page.get_by_label("Place of item 10").press("Enter")
    expect(page.get_by_text("is moved.")).to_be_visible()
    page.locator("tr[data-row] td.title a").first.click()
    page.locator("[id='id_value-topic']").fill("")
    page.get_by_role("button", name="Save the item").click()
    expect(page.locator("#problems")).to_contain_text("topic: is required")
    complaints.clear()  # the browser says of itself that it was answered 422
    page.locator("[id='id_value-topic']").fill("paying off a van")
    page.get_by_role("button", name="Save the item").click()
    expect(page.locator("tr[data-row]").first).to_contain_text("Paying off a van")
    page.get_by_role("button", name=START).click()
    expect(page.locator("#live h1")).to_contain_text("Queued")
    job = BatchJob.objects.get()
    assert job.items.get(position=1).topic == "paying off a van"


# Asked in one step: between two the page may put a new part in the place of what has the focus.
NAME_OF_FOCUS = """() => {
  const active = document.querySelector(":focus");
  return active?.getAttribute("aria-label") || active?.innerText || "";
}"""


def tab_to(page: Page, label: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if label in page.evaluate(NAME_OF_FOCUS):
            return
    pytest.fail(f"Tab never comes to {label!r}")


def test_by_keyboard_alone(open_page: OpenPage, owner: User) -> None:
    template = PromptTemplate.objects.get(name="Emotional arc")
    page = open_page(f"/batches/new/matrix/?template={template.pk}", by=owner)
    page.locator("[data-primary]").wait_for()
    page.locator("[id='id_list-topic']").focus()
    page.keyboard.type("renting")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # the words of the option list are one stop
    page.keyboard.press("Enter")
    expect(page.locator("[data-adds-to='id_list-topic'] [aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[id='id_list-topic']")).to_have_value("renting")
    page.keyboard.press("Tab")
    if "all-" in (page.locator(":focus").get_attribute("name") or ""):
        page.keyboard.press("Tab")
    page.keyboard.type("Gig Worker\nDebt-Burdened Nurse")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#plan-title")).to_contain_text("2")
    tab_to(page, "Move item 1 down")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]").first).to_contain_text("Debt-Burdened Nurse")
    expect(page.get_by_role("button", name="Move item 2 up")).to_be_visible()
    tab_to(page, "Remove item 2")
    page.keyboard.press("Enter")
    expect(page.locator("#plan-title")).to_contain_text("1")
    tab_to(page, "Start, spend up to")
    page.keyboard.press("Enter")
    wait_for(lambda: BatchJob.objects.get().status == JobStatus.QUEUED, what="the batch starts")
    expect(page.locator("#live h1")).to_contain_text("Queued")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_a_plan_fit(open_page: OpenPage, owner: User, width: int, dark: bool) -> None:
    page = open_page("/batches/new/starter/", by=owner, width=width, dark=dark)
    name = f"{width}-{'dark' if dark else 'light'}"
    keep_picture(page, f"plan-starter-{name}")
    page.locator("#id_limit").fill("60")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.locator("#plan-title")).to_contain_text("60")
    keep_picture(page, f"plan-page-{name}")
    page.wait_for_load_state()  # without its styles a page is as wide as it likes
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    page.locator("tr[data-row] td.title a").first.click()
    expect(page.locator("h1")).to_contain_text("Item 1")
    page.wait_for_load_state()
    keep_picture(page, f"plan-item-{name}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
