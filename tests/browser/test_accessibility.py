"""Every page of the product in a real browser: axe finds nothing, the console is silent, nothing is wider than the window.

The pages are those of all URLs, with rows of every kind and state (`tests/abuse/world.py`): a new URL is visited by itself.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import axe_playwright_python
import pytest
from django.test import Client
from playwright.sync_api import Page

from tests.abuse.surface import list_pages
from tests.abuse.world import World, make_world
from tests.browser.conftest import OpenPage, keep_picture

pytestmark = pytest.mark.slow

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"
# The rules of a new width apply from the next frame on.
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# At the widths between and beyond only the layout is looked at.
LOOKED_AT = (1440, 390)
WIDTHS = (320, 390, 768, 2560)
# Pages that end what the others need.
ENDING = ("sign_out",)


class Visit(NamedTuple):
    name: str
    path: str


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    with patch("exports.pushing.hub.is_available", return_value=True):
        yield make_world()


def list_visits(world: World) -> list[Visit]:
    """Every address that answers a GET with a page, one for each different page of a URL."""
    client = Client()
    client.force_login(world.person)
    found = []
    for url in list_pages():
        if url.name in ENDING:
            continue
        for path in world.paths(url):
            answer = client.get(path)
            if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                found.append(Visit(url.name, path))
    return found


def find_violations(page: Page) -> list[str]:
    """What axe finds on the page as it is shown now: the rule, the place and the element."""
    found: Any = page.evaluate(RUN, RULES)
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]} {describe_check(node)}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def describe_check(node: Any) -> str:
    """Why it was found, and the elements that have to do with it."""
    check = (node["any"] or [{}])[0]
    beside = [each["html"][:120] for each in check.get("relatedNodes", [])]
    return f"{check.get('message', '')[:160]} {beside}"


def is_whole_page(page: Page) -> bool:
    """Whether it is a page and no part of one, which htmx puts into another."""
    return bool(page.evaluate("document.doctype !== null && document.querySelector('main') !== null"))


@pytest.mark.timeout(3_000)
def test_every_page(open_page: OpenPage, world: World, complaints: list[str]) -> None:
    visits, seen = list_visits(world), Counter[str]()
    page = open_page("/settings/terms/", by=world.person)
    wrong: Counter[str] = Counter()
    for name, path in visits:
        # Loaded anew in each theme: what inherits its colour keeps the old one when only the theme of the browser changes.
        for dark in (False, True):
            page.set_viewport_size({"width": 1440, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
            page.goto(path)
            if not is_whole_page(page):
                break
            page.evaluate(AXE)
            for width in LOOKED_AT:
                page.set_viewport_size({"width": width, "height": 900})
                page.evaluate(NEXT_FRAME)
                wrong.update(f"{name}: {each}" for each in find_violations(page))
            seen[name] += dark
        else:
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.evaluate(NEXT_FRAME)
                if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
                    wrong[f"{name} needs {needed} px at {width}: {path}"] += 1
                    keep_picture(page, f"wide-{name}-{width}")
        wrong.update(f"{name}: the console says {each} ({path})" for each in complaints)
        complaints.clear()
    print(f"{sum(seen.values())} pages of {len(seen)} URLs, two themes, {len(LOOKED_AT)} widths")
    assert len(seen) > 60, seen
    assert not wrong, "\n".join(f"{count}x {each}" for each, count in wrong.most_common())
