"""The list of conversations in a browser: the peek panel, columns and saved views, by key, without script, on a phone."""

import re

import pytest
from playwright.sync_api import expect

from conversations.states import Status
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.factories import make_conversation
from workspaces.models import User


@pytest.fixture
def three(owner: User) -> None:
    for title in ("About a boat", "About a mill", "About a farm"):
        make_conversation(
            workspace=owner.personal_workspace(),
            title=title,
            status=Status.PENDING_REVIEW,
            turns=[f"{title}: a question", "An answer of some length. " * 12] * 5,
            flags=[{"kind": "refusal", "turn": 2}, {"kind": "short_turn", "turn": 4}],
            flag_count=2,
        )


@pytest.mark.usefixtures("three")
def test_peek_by_keyboard(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/conversations/?tier=template", by=owner))
    panel = page.locator("#peek")
    expect(panel).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("p")
    expect(panel).to_contain_text("About a farm: a question")
    expect(page).to_have_url(re.compile(r"tier=template&peek=[0-9a-f-]{36}$"))
    table, side = page.locator("#table").bounding_box(), panel.bounding_box()
    assert table is not None
    assert side is not None
    assert side["x"] > table["x"] + table["width"] - 1, "beside the table"
    page.keyboard.press("j")
    page.keyboard.press("p")
    expect(panel).to_contain_text("About a mill: a question")
    expect(page.locator("tr:has([data-peek][aria-current])")).to_contain_text("About a mill")
    keep_picture(page, "peek")
    page.keyboard.press("/")
    page.keyboard.type("about")
    expect(page).to_have_url(re.compile(r"q=about.*peek=|peek=.*q=about"))
    expect(panel).to_contain_text("About a mill: a question")
    page.locator("tr.cursor a").first.focus()
    page.keyboard.press("p")
    expect(panel).to_be_hidden()
    expect(page).not_to_have_url(re.compile("peek="))
    page.keyboard.press("p")
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("tr.cursor a").first).to_be_focused()
    page.go_back()
    expect(page.locator("#peek")).to_contain_text("About a mill: a question")


@pytest.mark.usefixtures("three")
def test_on_a_phone_the_panel_is_below_and_comes_into_sight(open_page: OpenPage, owner: User) -> None:
    page = ready(open_page("/conversations/", by=owner, width=390, dark=True))
    page.get_by_role("link", name="Peek at About a mill").click()
    panel = page.locator("#peek")
    expect(panel).to_be_in_viewport()
    expect(panel).to_be_focused()
    menu = page.locator("tr.cursor details.menu").bounding_box()
    assert menu is not None
    assert menu["x"] + menu["width"] <= 390
    keep_picture(page, "peek-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("script", [True, False])
def test_choose_columns(open_page: OpenPage, owner: User, script: bool) -> None:
    page = open_page("/conversations/?sort=created", by=owner, script=script, dark=not script)
    for word in ("Tier", "Batch"):
        if not page.locator(".choose-columns[open]").count():
            page.locator("summary", has_text="Columns").click()
        page.locator(".choose-columns label", has_text=word).locator("input").uncheck()
    keep_picture(page, f"columns-{script}")
    page.locator(".choose-columns").get_by_role("button", name="Apply").click()
    expect(page.locator("thead")).not_to_contain_text("Tier")
    expect(page.locator("thead")).to_contain_text("Score")
    expect(page).to_have_url(re.compile(r"\?sort=created$"))


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("script", [True, False])
def test_save_a_view_and_delete_it(open_page: OpenPage, owner: User, script: bool) -> None:
    page = open_page("/conversations/?q=mill&sort=created", by=owner, script=script, dark=script)
    page.locator("summary", has_text="Save view").click()
    page.get_by_label("Name for these filters and this order").fill("Mills")
    keep_picture(page, f"save-view-{script}")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Mills")
    expect(link).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Clear all").first.click()
    expect(page.locator("#table")).to_contain_text("About a boat")
    page.wait_for_load_state()
    keep_picture(page, f"views-{script}")
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("summary", has_text="Columns").click()
    keep_picture(page, f"views-phone-{script}")
    page.set_viewport_size({"width": 1440, "height": 900})
    link.click()
    expect(page.locator("#table")).not_to_contain_text("About a boat")
    page.get_by_role("link", name="Edit views").click()
    expect(page.locator("tbody")).to_contain_text("“mill”")
    keep_picture(page, f"edit-views-{script}")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main")).to_contain_text("No saved views yet")
