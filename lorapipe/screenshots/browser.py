"""The browser that takes the pictures: fixed sizes, one theme a window, PNG files that are as small as PNG can be."""

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorapipe.screenshots.palette import reduce_colours

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, StorageState

NO_PLAYWRIGHT = (
    "Playwright is not installed: `./run check lint` installs it with the other tools of developers."
)
NO_CHROMIUM = (
    "There is no Chromium: install Debian's package chromium-headless-shell, "
    "or run `.venv/bin/python -m playwright install chromium`."
)
# The first is the same browser without windows: it takes half the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# Its sandbox does not work for root, as in a container. It opens pages of our own stack only.
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none")
WIDE, PHONE = (1440, 900), (390, 844)
PATIENCE_MS = 60_000


class BrowserGaveUp(Exception):
    """Something that was waited for did not come; the message says what."""


class BrowserMissing(Exception):
    """Playwright or Chromium is missing; the message is one sentence that says how to install it."""


@dataclass(frozen=True)
class Studio:
    """An open browser. Each window has the session of one person, a size and a theme."""

    _browser: "Browser"

    @contextlib.contextmanager
    def open_window(
        self, url: str, session: "StorageState | None" = None, *, dark: bool = False, phone: bool = False
    ) -> Iterator["Page"]:
        """A page in a window of its own. It does not ask for the numbers of the menu, so that no notice covers a picture."""
        width, height = PHONE if phone else WIDE
        window: BrowserContext = self._browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            storage_state=session,
        )
        try:
            window.set_default_timeout(PATIENCE_MS)
            window.route("**/shell/", lambda route: route.fulfill(status=204))
            yield window.new_page()
        finally:
            for page in window.pages:  # else Playwright complains of requests that were held
                page.unroute_all(behavior="ignoreErrors")
            window.close()


def find_chromium() -> str | None:
    """The path of a Chromium of the system, or None when Playwright is to look for its own."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def refuse_missing_playwright() -> None:
    """Raises BrowserMissing before anything is started."""
    if importlib.util.find_spec("playwright") is None:
        raise BrowserMissing(NO_PLAYWRIGHT)


@contextlib.contextmanager
def open_studio() -> Iterator[Studio]:
    """Start Chromium. Raises BrowserMissing; and BrowserGaveUp, when the block waits in vain."""
    refuse_missing_playwright()
    # Here and not above: the application itself is installed without it.
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        try:
            options: dict[str, Any] = {"executable_path": find_chromium(), "args": list(OPTIONS)}
            browser = playwright.chromium.launch(**options)
        except Error as error:
            raise BrowserMissing(NO_CHROMIUM) from error
        with contextlib.closing(browser):
            try:
                yield Studio(browser)
            except Error as error:
                raise BrowserGaveUp(f"The browser gave up: {error.message}") from error


def keep_picture(page: "Page", path: Path) -> int:
    """Take a picture of what the window shows. Returns the bytes of the file, which is there whole or not at all."""
    taken = page.screenshot(animations="disabled", caret="hide", scale="css")
    window = page.context.browser
    if window is None:  # only a browser that was attached to has none
        raise ValueError("The page belongs to no browser.")
    with contextlib.closing(window.new_page()) as empty:
        content = reduce_colours(taken, empty)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
    return len(content)
