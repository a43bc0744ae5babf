"""Reviewing by keyboard alone: decide, undo, edit, comment, regenerate, and no lost focus."""

import re
import statistics

from playwright.sync_api import Page, expect

from batches.models import BatchJob
from conversations.models import Conversation
from conversations.states import Status
from review.models import Comment
from tests.browser.conftest import OpenPage, keep_picture, ready
from tests.factories import make_conversation, make_template, make_worker
from tests.support.polling import wait_for
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

PHONE = 390
TEXTS = ["Should I rent or buy?", "That depends on how long you stay.", "Five years.", "Then rent."]
VALUES = {"topic": "a pension", "persona": "Nurse"}


def make_queue(owner: User, size: int) -> list[Conversation]:
    version = make_template(workspace=owner.personal_workspace()).versions.get()
    return [
        make_conversation(
            by=owner,
            status=Status.GENERATED,
            title=f"Conversation {number}",
            turns=TEXTS,
            template_version=version,
            parameters=VALUES,
            topic=VALUES["topic"],
        )
        for number in range(1, size + 1)
    ]


def title(page: Page) -> str:
    return page.locator("h1").inner_text()


def press(page: Page, key: str, *, expects: str) -> None:
    page.keyboard.press(key)
    expect(page.locator("h1")).to_contain_text(expects)
    if page.locator("#item").count():
        expect(page.locator("h1")).to_be_focused()


def has_focus(page: Page) -> bool:
    return bool(page.evaluate("document.activeElement !== document.body"))


def test_twenty_by_keyboard(open_page: OpenPage, owner: User) -> None:
    queue = make_queue(owner, 20)
    page = ready(open_page("/review/?order_by=oldest", by=owner))
    expect(page.locator("h1")).to_contain_text("Conversation 1")
    keep_picture(page, "review")
    press(page, "a", expects="Conversation 2")
    press(page, "z", expects="Conversation 1")
    wait_for(lambda: Conversation.objects.get(pk=queue[0].pk).status == "generated", what="it is undone")
    press(page, "a", expects="Conversation 2")
    assert has_focus(page)
    send_back(page, queue[1])
    edit_second_turn(page, queue[2])
    comment_on_first_turn(page)
    page.keyboard.press("m")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("No")
    page.keyboard.press("Escape")
    press(page, "r", expects="Conversation 4")
    press(page, "s", expects="Conversation 5")
    approve_to_the_end(page)
    press(page, "a", expects="Conversation 4")  # the skipped one comes last
    regenerate(page, queue[3])
    press(page, "a", expects="Review queue")
    expect(page.get_by_text("All caught up")).to_be_visible()
    keep_picture(page, "review-caught-up")
    assert Conversation.objects.filter(status=Status.APPROVED).count() == 18


def send_back(page: Page, found: Conversation) -> None:
    """It asks for a reason; a number chooses one, and the focus is on the button that confirms."""
    page.keyboard.press("n")
    expect(page.get_by_text("say why")).to_be_visible()
    keep_picture(page, "review-say-why")
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_contain_text("Conversation 3")
    wait_for(found.decisions.exists, what="it is stored")  # the next one was shown before
    found.refresh_from_db()
    assert (found.status, found.decisions.get().reasons) == ("needs_revision", ["off_topic"])


def edit_second_turn(page: Page, found: Conversation) -> None:
    for key in (".", ".", "e"):
        page.keyboard.press(key)
    expect(page.locator("#edited")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("It depends.")
    expect(page.get_by_text("Draft saved")).to_be_visible()
    keep_picture(page, "review-edit")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#t2 .bubble")).to_have_text("It depends.")
    expect(page.locator("h1")).to_be_focused()
    assert Conversation.objects.get(root=found.pk, is_head=True).version == 2


def comment_on_first_turn(page: Page) -> None:
    page.keyboard.press(".")
    page.keyboard.press("c")
    expect(page.locator("#say-1")).to_be_focused()
    page.keyboard.type("Who asks this?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".comment")).to_contain_text("Who asks this?")
    assert Comment.objects.get().turn_number == 1


def regenerate(page: Page, found: Conversation) -> None:
    """Instruction, start, the new version, old and new side by side, and one key keeps either."""
    press(page, "R", expects=f"Regenerate {found.title}")
    expect(ready(page).locator("#id_instruction")).to_be_focused()
    page.keyboard.type("Shorter, please.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Waiting for its turn.")).to_be_visible()
    file_reply(claim_item(BatchJob.objects.get(), make_worker()))
    expect(page.locator("#toaster")).to_contain_text("Version 2 is there, and is the current one.")
    expect(ready(page).locator("h1")).to_contain_text("A good talk")
    press(page, "d", expects="Version 1 and version 2")
    keep_picture(page, "review-old-and-new")
    ready(page).keyboard.press("2")
    expect(page.locator("h1")).to_contain_text("A good talk")
    press(ready(page), "d", expects="Version 1 and version 2")
    ready(page).keyboard.press("1")
    expect(page.locator("h1")).to_contain_text(found.title)
    head = Conversation.objects.get(root=found.pk, is_head=True)
    assert (head.version, [each.content for each in head.turns.all()]) == (3, TEXTS)
    for key in ("g", "r"):
        ready(page).keyboard.press(key)
    expect(ready(page).locator("h1")).to_contain_text(found.title)


# Milliseconds from a key to the focus on the title of the next conversation, each of them.
TIME_KEYS = """() => {
  window.times = [];
  let pressed = 0;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("h1")) times.push(performance.now() - pressed);
  });
}"""


def approve_to_the_end(page: Page) -> None:
    """The next one is fetched while this one is read, so that a decision shows it at once."""
    page.evaluate(TIME_KEYS)
    for number in range(5, 20):
        page.locator("#item[data-ahead=ready]").wait_for()
        press(page, "a", expects=f"Conversation {number + 1}")
        assert has_focus(page)
    print(f"median advance {statistics.median(page.evaluate('times')):.0f} ms")


def test_a_decision_that_cannot_be_stored_is_told(
    open_page: OpenPage, owner: User, complaints: list[str]
) -> None:
    """The next one is shown already; what was left can be opened again."""
    first, _ = make_queue(owner, 2)
    page = ready(open_page("/review/?order_by=oldest", by=owner))
    page.locator("#item[data-ahead=ready]").wait_for()
    first.reject(by=owner, revision=first.revision, note="Another reviewer was faster.")
    press(page, "a", expects="Conversation 2")
    expect(page.locator("#toaster")).to_contain_text("Conversation 1: this was not stored.")
    complaints.clear()  # the browser itself reports an answer of 409
    page.get_by_role("button", name="Open it").click()
    expect(page.locator("h1")).to_contain_text("Conversation 1")
    first.refresh_from_db()
    assert first.status == Status.REJECTED


# Presses a key as soon as the browser can after the item was put into the page.
PRESS_AT_ONCE = """key => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  const observer = new MutationObserver(() => {
    observer.disconnect();
    channel.port2.postMessage(null);
  });
  observer.observe(document.querySelector("#item").parentElement, {childList: true});
}"""


def test_a_key_pressed_as_the_next_one_appears_is_not_lost(open_page: OpenPage, owner: User) -> None:
    make_queue(owner, 2)
    page = ready(open_page("/review/?order_by=oldest", by=owner))
    page.evaluate(PRESS_AT_ONCE, "m")
    page.keyboard.press("a")
    expect(page.locator("h1")).to_contain_text("Conversation 2")
    expect(page.locator("#note")).to_be_focused()


def test_on_a_phone_the_verbs_stay_in_reach(open_page: OpenPage, owner: User) -> None:
    make_queue(owner, 2)
    page = ready(open_page("/review/", by=owner, width=PHONE))
    expect(page.get_by_role("button", name=re.compile("Approve")).first).to_be_visible()
    keep_picture(page, "review-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
