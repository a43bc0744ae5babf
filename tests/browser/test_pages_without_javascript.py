"""Each page in a browser that runs no script: nothing is shown that does nothing, and where no news comes the page says so."""

from playwright.sync_api import expect

from conversations.states import Status
from tests.browser.conftest import OpenPage
from tests.browser.test_pages import make_shown_job, paths
from tests.factories import make_conversation
from workspaces.models import User

# What is visible although it does nothing without script: a button or field of no form, a link to nowhere, the hint of a key. All folds are
# opened first, as a person may. (The pages of the keys themselves show them all.)
DEAD = """() => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  const isDead = (each) => {
    if (each.matches("a")) return !each.hasAttribute("href");
    if (each.matches("kbd")) return true;
    return !each.form || each.type === "button" || !(each.name || each.matches("button"));
  };
  return [...document.querySelectorAll("a, button, input, select, textarea, kbd.kbd:not(.keymap *, .keys-form *)")]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }) && isDead(each))
    .map((each) => each.outerHTML.slice(0, 160));
}"""
MORE = (
    "/analytics/",
    "/background-jobs/",
    "/batches/new/matrix/",
    "/batches/new/situations/",
    "/dashboard/",
    "/generate/",
    "/settings/keyboard/",
    "/settings/members/",
)
# The pages that ask again and again, by script, for more than the head of every page.
POLLS = "() => document.querySelector('#poll') !== null"


def test_no_page_shows_a_control_that_does_nothing(open_page: OpenPage, owner: User) -> None:
    page = open_page("/", by=owner, script=False)
    wrong: list[str] = []
    moving: set[str] = set()
    for name, path in [*paths(make_shown_job(owner)).items(), *((path, path) for path in MORE)]:
        page.goto(path)
        wrong.extend(f"{name}: {each}" for each in page.evaluate(DEAD))
        if page.evaluate(POLLS):
            moving.add(name)
            expect(page.get_by_role("link", name="Reload to see news")).to_be_visible()
        if page.locator(".strip").count():
            expect(page.locator(".strip").get_by_role("link", name="Reload")).to_be_visible()
    assert wrong == [], "\n".join(wrong)
    assert {"batch", "exports", "export-running"} <= moving


def test_a_message_covers_no_button_of_a_phone_and_leaves_by_itself(open_page: OpenPage, owner: User) -> None:
    """Nothing could close it."""
    for _ in range(2):
        make_conversation(by=owner, status=Status.GENERATED)
    page = open_page("/review/", by=owner, script=False, width=390)
    page.get_by_role("button", name="Approve").click()
    message, verb = page.locator(".toasts .alert"), page.get_by_role("button", name="Approve")
    expect(message).to_contain_text("approved")
    over, under = message.bounding_box(), verb.bounding_box()
    assert over is not None
    assert under is not None
    assert over["y"] + over["height"] <= under["y"]
    page.evaluate("document.getAnimations().forEach((each) => each.finish())")
    expect(message).to_be_hidden()
