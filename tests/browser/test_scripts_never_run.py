"""More than 500 scripts as titles, turns, names, notes and file names: none of them runs, and none becomes an element.

The payloads are those of `commonhuman-payloads`, as they are and as its ways to get past a filter write them.
"""

import random
from collections.abc import Iterator

import pytest
from commonhuman_payloads import xss
from commonhuman_payloads.encoders.transforms import XSS_EVASIONS, apply_evasion
from playwright.sync_api import Dialog, Page, Route

from conversations.models import Conversation
from conversations.states import Status
from review.actions import comment
from templates_app.models import PromptTemplate, Scenario
from tests.browser.conftest import OpenPage
from tests.factories import (
    make_conversation,
    make_edge_case,
    make_export,
    make_imported_file,
    make_item,
    make_job,
    make_option,
    make_scenario,
    make_template,
)
from workspaces.models import User

pytestmark = pytest.mark.slow

LEAST = 500
MARKER = "ranhere"
# What a payload would do shows in one of these: it opens a dialog, sets the marker, or makes an element that can run something.
WATCH = f"""
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = (...given) => window.ran.push(name + given);
Object.defineProperty(window, {MARKER!r}, {{ set: (value) => window.ran.push(value), get: () => window.ran.push("read") }});
"""
FIND = """() => { const LEADING = ["href", "src", "action", "formaction", "xlink:href", "srcdoc", "data", "poster"]; return [
  ...window.ran,
  ...[...document.querySelectorAll("main script, main iframe, main object, main embed, main base, main meta, main link, main style")]
    .map((each) => each.outerHTML.slice(0, 200)),
  ...[...document.querySelectorAll("*")]
    .filter((each) => [...each.attributes].some((one) => one.name.startsWith("on")
      || (LEADING.includes(one.name) && /^\\s*(javascript|data|vbscript):/i.test(one.value))))
    .filter((each) => !each.matches("link[rel=icon]"))
    .map((each) => each.outerHTML.slice(0, 200)),
]; }"""


def list_payloads() -> list[str]:
    plain = [
        text
        for name in xss.__all__
        if isinstance(found := getattr(xss, name), list)
        for text in found
        if isinstance(text, str)
    ]
    random.seed(1)  # some of the ways are drawn
    written = [apply_evasion(text, way) for text in plain[:60] for way in XSS_EVASIONS]
    texts = [text.replace("{marker}", MARKER).replace("\x00", "") for text in (*plain, *written)]
    return list(dict.fromkeys(text for text in texts if text.strip()))


@pytest.fixture
def payloads() -> list[str]:
    found = list_payloads()
    assert len(found) >= LEAST
    return found


def visit(page: Page, paths: Iterator[str] | list[str], wrong: list[str]) -> int:
    count = 0
    for path in paths:
        page.goto(path)
        page.locator("h1, h2").first.wait_for()
        wrong.extend(f"{path}: {each}" for each in page.evaluate(FIND))
        count += 1
    return count


def open_watched(open_page: OpenPage, owner: User, wrong: list[str]) -> Page:
    """A page on which everything that a script could do is noted. Requests to other servers are noted and refused."""
    page = open_page("/settings/terms/", by=owner)
    home = page.url.split("/settings/")[0]

    def refuse(route: Route) -> None:
        if route.request.url.startswith(home):
            route.continue_()
        else:
            wrong.append(f"a request to {route.request.url}")
            route.abort()

    def note_dialog(dialog: Dialog) -> None:
        wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.route(lambda url: not url.startswith(home), refuse)
    page.context.add_init_script(WATCH)
    page.on("dialog", note_dialog)
    return page


@pytest.mark.timeout(3_000)
def test_in_conversations(open_page: OpenPage, owner: User, payloads: list[str]) -> None:
    home, wrong = owner.personal_workspace(), list[str]()
    job = make_job(by=owner, total_items=1)
    made: list[Conversation] = []
    for text in payloads:
        short = text[:200]
        found = make_conversation(
            workspace=home,
            item=make_item(job=job, topic=short, persona=short),
            title=text[:300],
            persona=short,
            emotion=short,
            topic=short,
            intent=short,
            tone=short,
            parameters={"context": text},
            reviewer_notes=text,
            error_message=text,
            turns=[text, f"```html\n{text}\n```", text],
            status=Status.NEEDS_REVISION,
        )
        comment(found, turn=1, text=text, by=owner)
        made.append(found)
    page = open_watched(open_page, owner, wrong)
    pages = -(-len(made) // 50)
    count = visit(page, [f"/conversations/?page={number}" for number in range(1, pages + 1)], wrong)
    count += visit(page, [f"/conversations/{each.pk}/" for each in made], wrong)
    chosen = random.sample(made, 60)
    count += visit(page, [f"/review/{each.pk}/" for each in chosen], wrong)
    count += visit(page, [f"/conversations/{each.pk}/regenerate/" for each in chosen[:10]], wrong)
    count += visit(page, [f"/conversations/?peek={each.pk}" for each in chosen], wrong)
    count += visit(page, [f"/batches/{job.pk}/?page={number}" for number in range(1, pages + 1)], wrong)
    print(f"{len(payloads)} payloads, {count} pages")
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.timeout(3_000)
def test_in_names_and_files(open_page: OpenPage, owner: User, payloads: list[str]) -> None:
    home, wrong = owner.personal_workspace(), list[str]()
    entries: list[Scenario] = []
    templates: list[PromptTemplate] = []
    for number, text in enumerate(payloads):
        name = f"{text[:190]} {number}"
        make_job(by=owner, name=name, reason_note=text, total_items=1)
        templates.append(make_template(workspace=home, name=name, text=text.replace("{{", "{ {")))
        entries.append(
            make_scenario(workspace=home, name=name, context=text, tags=[text[:90]], topic=text[:200])
        )
        if number % 5 == 0:
            make_edge_case(workspace=home, name=name, expected_behaviour=text, tags=[text[:90]])
            make_option(workspace=home, name=name[-100:], description=text)
            make_export(by=owner, name=name[-100:])
            make_imported_file(by=owner, name=name[-100:])
    page = open_watched(open_page, owner, wrong)
    pages = range(1, -(-len(payloads) // 50) + 1)
    lists = ["/batches/", "/templates/", "/scenarios/"]
    count = visit(page, [f"{each}?page={number}" for each in lists for number in pages], wrong)
    count += visit(
        page,
        ["/edge-cases/", "/options/?list=persona", "/exports/", "/dashboard/", "/analytics/", "/"],
        wrong,
    )
    count += visit(
        page, ["/batches/new/situations/", "/batches/new/matrix/", "/settings/audit/", "/yield/"], wrong
    )
    for template in templates[::6]:
        count += visit(page, [f"/templates/{template.pk}/", f"/templates/{template.pk}/edit/"], wrong)
    count += visit(page, [f"/scenarios/{each.pk}/" for each in entries[::6]], wrong)
    print(f"{len(payloads)} payloads, {count} pages")
    assert not wrong, "\n".join(wrong[:40])
