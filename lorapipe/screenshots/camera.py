"""Takes the pictures of a table, stage after stage of the world."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from lorapipe.screenshots.browser import Studio, keep_picture
from lorapipe.screenshots.demo_stack import DemoFailed, DemoStack
from lorapipe.screenshots.shots import Shot
from lorapipe.screenshots.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTLED_MS = 400  # charts and parts that the page asks for are there by then
READY = "html[data-ready]"


def take_pictures(
    shots: Iterable[Shot], *, folder: Path, stack: DemoStack, studio: Studio, say: Callable[[str], None]
) -> int:
    """Take them all, and return how many bytes they have together. The world goes as far as they need. Raises DemoFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    with studio.open_window(stack.url) as page:
        world = World(stack, page)
        world.sign_in(studio)
        for shot in sorted(shots, key=lambda each: each.stage):
            if world.stage < shot.stage:
                say(f"Making the demonstration: {shot.stage.name.lower()}")
                world.reach(shot.stage)
            say(f"{shot.name}.png")
            size += take_picture(shot, folder=folder, world=world, studio=studio)
    return size


def take_picture(shot: Shot, *, folder: Path, world: World, studio: Studio) -> int:
    """Visit the page in a window of its own. Raises DemoFailed when it answers with another status than the table says."""
    session = world.viewer if shot.viewer else world.session
    with studio.open_window(world.stack.url, session, dark=shot.dark, phone=shot.phone) as page:
        if shot.prepare:
            shot.prepare(page)
        answer = page.goto(world.find_path(shot.path))
        if answer is None or answer.status != shot.status:
            raise DemoFailed(f"{shot.name}: {page.url} was answered with {answer and answer.status}.")
        _settle(page, scripted=shot.status == HTTPStatus.OK)
        if shot.act:
            shot.act(page)
            page.wait_for_timeout(SETTLED_MS)
        return keep_picture(page, folder / f"{shot.name}.png")


def _settle(page: "Page", *, scripted: bool) -> None:
    """Wait for the script, which pages of errors do not have, and for what it brings."""
    if scripted:
        page.locator(READY).wait_for(state="attached")
    page.wait_for_timeout(SETTLED_MS)
