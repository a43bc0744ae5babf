"""One conversation as a person makes it: with the mouse and by keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from conversations.models import Conversation
from lorapipe.queues import Queue
from templates_app.models import PromptTemplate
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.support.engine import Engine
from tests.support.simulator import RunningSimulator
from workspaces.models import User


@pytest.fixture
def working(engine: Engine) -> Engine:
    engine.start_dispatcher()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    return engine


def address(owner: User) -> str:
    template = PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")
    return f"/generate/?template={template.pk}"


def arrived(page: Page) -> Conversation:
    """On the page of the conversation that was made last."""
    page.wait_for_url(re.compile(r"/conversations/[0-9a-f-]+/"), timeout=60_000)
    return Conversation.objects.latest("created_at")


def test_preview_generate_and_again_with_other_values(
    open_page: OpenPage,
    owner: User,
    working: Engine,
    fast_simulator: RunningSimulator,
    complaints: list[str],
) -> None:
    fast_simulator.options(latency=1.5)
    page = ready(open_page(address(owner), by=owner))
    keep_picture(page, "generate-one-empty")
    marks_follow_the_values(page, complaints)
    page.get_by_role("button", name=re.compile("Generate, about")).click()
    page.wait_for_url(re.compile("/items/"))
    expect(page.locator("#live h1")).to_contain_text(re.compile("Queued|Processing"))
    keep_picture(page, "item-waiting")
    first = arrived(page)
    assert first.parameters["topic"] == "a <b>{{pension}} & co"
    page.get_by_role("link", name="Generate another…").click()
    expect(page.locator("#value-topic")).to_have_value("a <b>{{pension}} & co")
    expect(page.locator("#id_details")).to_have_value("place: a bank")
    keep_picture(page, "generate-one-again")
    page.locator("#value-topic").fill("another topic")
    page.get_by_role("button", name=re.compile("Generate, about")).click()
    page.wait_for_url(re.compile("/items/"))
    second = arrived(page)
    assert second.parameters["topic"] == "another topic"
    first.refresh_from_db()
    assert first.status != "archived", "the old one stays"


def marks_follow_the_values(page: Page, complaints: list[str]) -> None:
    expect(page.locator("#preview .m-missing[data-of=topic]").first).to_have_text("{{topic}}")
    page.locator("#value-topic").press_sequentially("a <b>{{pension}} & co", delay=10)
    expect(page.locator("#preview .m-filled[data-of=topic]").first).to_have_text("a <b>{{pension}} & co")
    expect(page.locator("#value-topic")).to_be_focused()
    expect(page.locator("#preview mark.twin").first).to_have_text("a <b>{{pension}} & co")
    expect(page.locator("#cost ~ .stats")).to_contain_text("Expected")
    details = page.locator("#id_details")
    details.press_sequentially("place", delay=10)
    expect(page.locator("#refused")).to_contain_text("write it as name: text")
    expect(page.locator("#preview .m-filled[data-of=topic]").first).to_be_visible()
    keep_picture(page, "generate-one-refused")
    details.press_sequentially(": a bank", delay=10)
    expect(page.locator("#preview .m-filled[data-of=place]")).to_have_text("a bank")
    expect(page.locator("#refused .alert")).to_have_count(0)
    assert all("422" in line for line in complaints), complaints
    complaints.clear()  # the browser itself reports an answer of 422


def test_by_keyboard_alone(open_page: OpenPage, owner: User, working: Engine) -> None:
    page = ready(open_page("/", by=owner))
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url(re.compile("/generate/"))
    ready(page)
    choose_by_keyboard(page)
    tab_to(page, "value-topic")
    page.keyboard.type("typed by hand")
    page.keyboard.press("Control+Enter")
    assert arrived(page).topic == "typed by hand"


def choose_by_keyboard(page: Page) -> None:
    """The template, by its first letters: form and preview follow at once."""
    tab_to(page, "id_template")
    page.keyboard.type("Emotional")
    page.wait_for_url(re.compile("template="))
    expect(page.locator("#id_template option:checked")).to_have_text("Emotional arc")
    expect(page.locator("#id_template")).to_be_focused()


def test_another_template_keeps_what_was_typed_and_is_the_one_that_is_paid(
    open_page: OpenPage, owner: User, working: Engine
) -> None:
    page = ready(open_page("/generate/", by=owner))
    before = page.locator("input[name=shown_version]").get_attribute("value") or ""
    page.locator("#value-topic").fill("a house of one's own")
    page.locator("#id_template").select_option(label="Emotional arc")
    expect(page.locator("input[name=shown_version]")).not_to_have_value(before)
    expect(page.locator("#value-topic")).to_have_value("a house of one's own")
    persona = page.locator("[data-fills=value-persona]")
    name = persona.locator("option").nth(2).inner_text()
    persona.select_option(label=name)
    expect(page.locator("#value-persona")).to_have_value(name)
    expect(page.locator("#preview .m-filled[data-of=persona]").first).to_have_text(name)
    page.locator("#value-persona").fill("somebody else")
    expect(persona).to_have_value("")
    expect(page.locator("#preview .m-filled[data-of=persona]").first).to_have_text("somebody else")
    keep_picture(page, "generate-one-lists")
    page.get_by_role("button", name=re.compile("Generate, about")).click()
    made = arrived(page)
    assert (made.topic, made.persona) == ("a house of one's own", "somebody else")
    assert made.template_version is not None
    assert made.template_version.template.name == "Emotional arc"


def tab_to(page: Page, element_id: str) -> None:
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == element_id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{element_id} is not reached by Tab")
