"""The list of conversations: find, tick by key and by mouse, and act on them after a question; on a phone and in the dark."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from conversations.models import Conversation
from conversations.states import Status
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.factories import make_conversation, make_job
from workspaces.models import User

PHONE = 390
KINDS = ("refusal", "personal_data", "short_turn", "near_duplicate", "stock_phrases")


@pytest.fixture
def rows(owner: User) -> list[Conversation]:
    job = make_job(by=owner, name="Starter plan, 90 conversations", total_items=12)
    texts = [
        "What becomes of my pension fund when I move abroad?",
        "A pension fund pays wherever you live, mostly.",
    ]
    return [
        make_conversation(
            by=owner,
            origin_job=job,
            status=Status.GENERATED,
            title=f"Conversation {number} about money, age and what is left at the end",
            turns=[*texts, *texts] if number % 3 else 4,
            quality_score=Decimal(10),
            flags=[{"kind": kind, "turn": 2} for kind in KINDS[: number % 6]],
            flag_count=number % 6,
            flagged_since_decision=number == 7,
        )
        for number in range(1, 13)
    ]


def test_find_tick_and_act(open_page: OpenPage, owner: User, rows: list[Conversation]) -> None:
    page = ready(open_page("/conversations/", by=owner))
    keep_picture(page, "list-1440")
    page.keyboard.press("/")
    page.keyboard.type("pension fund")
    expect(page.locator("#table mark").first).to_have_text("pension")
    expect(page.locator("tr[data-row]")).to_have_count(8)
    page.keyboard.press("Escape")
    page.locator("h1").click()
    for key in "jxjjx":
        page.keyboard.press(key)
    expect(page.locator("#ticked")).to_have_text("2 ticked")
    page.locator("[data-tick]").nth(3).click(modifiers=["Shift"])
    expect(page.locator("#ticked")).to_have_text("3 ticked")
    keep_picture(page, "list-search-ticked")
    page.get_by_role("button", name="Approve…").click()
    expect(page.locator("h1")).to_have_text("Approve 3 conversations?")
    keep_picture(page, "bulk-approve")
    page.locator("[data-primary]").click()
    expect(page.locator("#toaster")).to_contain_text("3 conversations are approved.")
    expect(page).to_have_url("/conversations/?q=pension+fund")
    assert Conversation.objects.filter(status=Status.APPROVED).count() == 3
    page.locator("details.menu summary").last.click()
    keep_picture(page, "row-menu")
    phone = ready(open_page("/conversations/?q=pension", by=owner, width=PHONE, dark=True))
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE
    keep_picture(phone, "list-390-dark")
    phone.locator("#bulk [name=all]").check()
    keep_picture(phone, "list-390-all")
    phone.get_by_role("button", name="Reject…").click()
    expect(phone.locator("h1")).to_have_text("Reject 8 conversations?")
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE
    keep_picture(phone, "bulk-reject-390-dark")
