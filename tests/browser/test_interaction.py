"""Keys, the live search, the plan that follows its form, and what is said when the connection is lost."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Route, expect

from batches.models import BatchJob
from tests.browser.conftest import OpenPage, ready
from tests.factories import make_conversation, make_job, make_scenario
from workspaces.models import User


def test_the_keys(open_page: OpenPage, owner: User) -> None:
    for title in ("first", "second", "third"):
        make_conversation(workspace=owner.personal_workspace(), title=title)
    page = ready(open_page("/conversations/", by=owner))
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("j")
    assert page.locator("tr.cursor").count() == 0, "letters do nothing while a dialog is open"
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    for key in "jjk":
        page.keyboard.press(key)
    expect(page.locator("tr.cursor a").first).to_be_focused()
    expect(page.locator("tr.cursor")).to_contain_text("third")
    page.keyboard.press("o")
    expect(page.locator("h1")).to_contain_text("third")
    ready(page)
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.locator("h1")).to_contain_text("Batches")


def test_typing_is_not_a_shortcut(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/conversations/", by=owner))
    page.keyboard.press("/")
    page.keyboard.type("gb?f")
    expect(page.locator("#find")).to_have_value("gb?f")
    expect(page.locator("dialog#keys")).to_be_hidden()


def test_single_keys_can_be_switched_off(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/settings/keyboard/", by=owner))
    page.get_by_role("button", name="Switch single keys off").click()
    expect(page.get_by_role("button", name="Switch single keys on")).to_be_visible()
    ready(page)
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("Keyboard")


def test_a_changed_key_does_what_the_usual_one_did(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/settings/keyboard/", by=owner))
    page.get_by_label("This sheet").fill("q")
    page.get_by_role("button", name="Keep these keys").click()
    expect(page.get_by_text("The keys are changed in this browser.")).to_be_visible()
    ready(page)
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.keyboard.press("q")
    expect(page.locator("dialog#keys")).to_be_visible()
    expect(page.locator("dialog#keys [data-map='?']")).to_have_text("q")


@pytest.mark.parametrize("status", [200, 500])
def test_a_part_that_is_asked_for_says_so(
    open_page: OpenPage, owner: User, complaints: list[str], status: int
) -> None:
    """Dimmed while it waits, and not afterwards, whether the answer came or failed."""
    make_conversation(workspace=owner.personal_workspace(), title="A pension at risk")
    page, held = ready(open_page("/conversations/", by=owner)), list[Route]()
    page.route("**/conversations/?*", lambda route: held.append(route))
    table = page.locator("#table")
    expect(table).not_to_have_attribute("aria-busy", "true")
    page.locator("#find").fill("pension")
    expect(table).to_have_attribute("aria-busy", "true")
    expect(table).to_have_css("opacity", "0.85")
    if status == 200:
        held[0].continue_()
        expect(page.locator("a.chip", has_text="pension")).to_be_visible()
    else:
        held[0].fulfill(status=status)
        expect(page.locator("#toaster")).to_contain_text("That did not work.")
        complaints.clear()  # the browser itself reports the answer
    expect(table).not_to_have_attribute("aria-busy", "true")
    expect(table).to_have_css("opacity", "1")


def test_the_search_follows_the_typing(open_page: OpenPage, owner: User) -> None:
    for title in ("A pension at risk", "A new house"):
        make_conversation(workspace=owner.personal_workspace(), title=title)
    page = ready(open_page("/conversations/?tier=template", by=owner))
    page.keyboard.press("/")
    page.keyboard.type("pension")
    expect(page.locator("#table")).not_to_contain_text("A new house")
    expect(page.locator("#table")).to_contain_text("A pension at risk")
    expect(page.locator("#find")).to_be_focused()
    expect(page).to_have_url(re.compile(r"q=pension.*tier=template|tier=template.*q=pension"))
    page.locator("a.chip", has_text="pension").click()
    expect(page.locator("#table")).to_contain_text("A new house")


def test_plan_estimate_and_button_follow_the_form(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/", by=owner))
    start = page.locator("[data-primary]")
    before = start.inner_text()
    page.locator("#tier-scenario input").uncheck()
    expect(page.locator("#the-plan")).to_contain_text("55 conversations")
    expect(start).not_to_have_text(before)
    page.locator("#id_limit").fill("3")
    page.locator("#id_limit").press("Enter")
    expect(page.locator("#the-plan")).to_contain_text("3 conversations")
    assert not BatchJob.objects.exists(), "Enter in a field never spends money"
    page.locator("#id_budget").fill("2.5")
    expect(start).to_contain_text("$2.50")


def test_the_start_spends_what_the_field_says(open_page: OpenPage, owner: User) -> None:
    """A new plan arrives while the field has the focus: what was typed stays, and what nobody typed follows the plan."""
    page = ready(open_page("/", by=owner))
    budget, start = page.locator("#id_budget"), page.locator("[data-primary]")
    offered = budget.input_value()
    page.locator("#id_limit").fill("5")
    budget.focus()
    expect(page.locator("#the-plan")).to_contain_text("5 conversations")
    expect(budget).not_to_have_value(offered)
    expect(start).to_contain_text(f"${float(budget.input_value()):.2f}"[:5])
    page.locator("#id_limit").fill("3")
    budget.focus()
    budget.press("Control+A")
    page.keyboard.type("4.25")
    expect(page.locator("#the-plan")).to_contain_text("3 conversations")
    expect(budget).to_have_value("4.25")
    expect(start).to_contain_text("$4.25")
    start.click()
    page.wait_for_url("**/batches/**")
    assert BatchJob.objects.get().budget_usd == Decimal("4.25")


def test_the_prompt_of_an_item_in_a_dialog(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/?limit=3", by=owner))
    opener = page.get_by_role("link", name="Prompt of item 2")
    opener.click()
    expect(page.locator("dialog#dialog .prompt").last).to_contain_text("Topic:")
    page.keyboard.press("Escape")
    expect(page.locator("dialog#dialog")).to_be_hidden()
    expect(opener).to_be_focused()


def test_cancelling_asks_and_the_safe_answer_has_the_focus(open_page: OpenPage, owner: User) -> None:
    job = make_job(by=owner, items=3)
    page = ready(open_page(f"/batches/{job.pk}/", by=owner))
    page.keyboard.press("Shift+C")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog#dialog")).to_be_hidden()
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the batch").click()
    expect(page.locator("#live h1")).to_contain_text("Cancelled")


def test_a_lost_connection_is_told_and_so_is_its_return(
    open_page: OpenPage, owner: User, complaints: list[str]
) -> None:
    job = make_job(by=owner, items=3)
    page = ready(open_page(f"/batches/{job.pk}/", by=owner))
    page.route("**/progress/**", lambda route: route.abort())
    expect(page.locator("#connection")).to_be_visible(timeout=20_000)
    expect(page.locator("#connection")).to_contain_text("numbers are from")
    page.unroute("**/progress/**")
    BatchJob.objects.update(completed_items=1, successful_items=1)
    expect(page.locator("#live .big strong")).to_have_text("1", timeout=20_000)
    expect(page.locator("#connection")).to_be_hidden()
    assert complaints, "the browser itself reports each failed request"
    complaints.clear()


def test_tags_are_searched_and_what_is_ticked_stays(open_page: OpenPage, owner: User) -> None:
    make_scenario(workspace=owner.personal_workspace(), tags=["rareword", "oddword"], topic="one")
    page = ready(open_page("/batches/new/situations/", by=owner))
    chips, box = page.locator("#id_tags .chip:visible"), page.get_by_role("searchbox", name="Search tags")
    page.get_by_label("oddword").check()
    box.fill("RAREW")
    expect(chips).to_have_text([re.compile("oddword"), re.compile("rareword")])
    expect(page.locator("#id_tags [role=status]")).to_have_text("1 match")
    box.press("Enter")
    expect(page.locator("#id_tags [role=status]")).to_have_text("1 match")
    box.fill("")
    expect(page.locator("#id_tags [role=status]")).to_have_text("")
    assert BatchJob.objects.count() == 0, "Enter in the search makes no plan"
