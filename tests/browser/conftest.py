"""A real browser on the live server. Where no Chromium is found the tests skip and say so; with CI=true they fail."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.support.flow_fixtures import engine, fast_simulator, furnished, workspace
from workspaces.models import User

__all__ = ["engine", "fast_simulator", "furnished", "workspace"]

# The first is the same browser without windows: it takes half the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-software-rasterizer --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
# Whatever the page may do against its content policy ends in the console, which the tests read.
REPORT_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', "
    "e => console.error('CSP', e.violatedDirective, e.blockedURI))"
)
SHOWN = """() => [
  `focus: ${document.activeElement?.id || document.activeElement?.tagName}`,
  (document.querySelector("main") ?? document.body)?.innerText.slice(0, 1500),
].join("\\n")"""
# For a click and for an expectation alike: on a machine whose disk stalls, a page may take long. Who passes does not wait.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        reason = f"no browser found, looked for {', '.join(NAMES)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the tests of this folder, ended with the last of them.

    Playwright's event loop runs in this thread while it is open: Django takes every query of a test for an async one, and
    asyncio.run() in a test of another folder would fail.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=OPTIONS.split())
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the console and the page complained about; a test that ends with one fails."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, complaints: list[str]) -> Iterator[OpenPage]:
    """Opens a page in a window of its own: as somebody, at a width, in a colour scheme; with `shell` it polls the shell."""
    windows: list[BrowserContext] = []
    waiting: set[Request] = set()

    def open_(
        path: str,
        *,
        by: User | None = None,
        width: int = 1440,
        dark: bool = False,
        script: bool = True,
        shell: bool = False,
    ) -> Page:
        window = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            accept_downloads=True,
        )
        windows.append(window)
        window.add_init_script(REPORT_VIOLATIONS)
        if not shell:  # A poll that is under way when the test ends would read tables that are being emptied.
            window.route("**/shell/", lambda route: route.fulfill(status=204))
        window.set_default_timeout(PATIENCE_MS)
        if by is not None:
            window.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(by), "url": live_server.url}]
            )
        window.on("request", lambda each: waiting.add(each))
        window.on("requestfinished", lambda each: waiting.discard(each))
        window.on("requestfailed", lambda each: waiting.discard(each))
        page = window.new_page()
        page.on(
            "console",
            lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        if script:
            page.locator("body").wait_for()
        return page

    yield open_
    for window in windows:
        describe(window, waiting)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (
        waiting and time.monotonic() < deadline
    ):  # a request under way would read tables that are being emptied
        windows[-1].pages[-1].wait_for_timeout(10)
    for window in windows:
        window.close()


def describe(window: BrowserContext, waiting: set[Request]) -> None:
    """Print what the pages show and what they wait for: pytest shows it when the test has failed."""
    for page in window.pages:
        with suppress(Error):
            print(page.url, page.evaluate(SHOWN), sep="\n")
    print("without an answer:", [f"{each.method} {each.url}" for each in waiting])


def ready(page: Page) -> Page:
    """Waits until the page listens to keys and htmx drives its elements: `app.js` marks the document then.

    After a click that leads to another page, wait for something of that page first: the old one is marked as well.
    """
    page.locator("html[data-ready]").wait_for(state="attached")
    return page


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def keep_picture(page: Page, name: str, *, whole: bool = True) -> None:
    """A picture of the page, or of the window, in the folder that LORAPIPE_TEST_PICTURES names, for eyes."""
    folder = os.environ.get("LORAPIPE_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
