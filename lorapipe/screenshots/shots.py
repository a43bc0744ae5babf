"""The table of the pictures of README and docs/tour.md, in the order of the tour."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorapipe.screenshots.world import INSTRUCTION, REJECTED_NOTE, Stage

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: at which stage of the world, of which address, and what is done on the page before it is taken.

    `prepare` happens before the page is opened. In `path` names of the world's ids stand in braces.
    """

    name: str
    stage: Stage
    path: str
    prepare: "Callable[[Page], None] | None" = None
    act: "Callable[[Page], None] | None" = None
    status: int = 200
    dark: bool = False
    phone: bool = False
    viewer: bool = False


def ask_for_reason(page: "Page") -> None:
    """`r` rejects, and asks for a reason: a number chooses one."""
    page.keyboard.press("r")
    page.get_by_text("say why").wait_for()
    page.keyboard.press("5")
    page.locator("textarea#note").fill(REJECTED_NOTE)


def write_instruction(page: "Page") -> None:
    page.locator("#id_instruction").fill(INSTRUCTION)


def tick_all(page: "Page") -> None:
    """Tick the rows of the page, and look that the bar above them counts them."""
    page.locator("table thead input[type=checkbox]").first.check()
    page.locator("#bulk").get_by_text(re.compile("selected|chosen|ticked")).first.wait_for()


SHOTS = (
    Shot(name="generate-all", stage=Stage.EMPTY, path="/"),
    Shot(name="batch-running", stage=Stage.RUNNING, path="/batches/{running}/"),
    Shot(name="batch-running-phone", stage=Stage.RUNNING, path="/batches/{running}/", phone=True),
    Shot(name="batch-finished", stage=Stage.GENERATED, path="/batches/{batch}/"),
    Shot(name="review", stage=Stage.GENERATED, path="/review/{flagged}/?batch={batch}"),
    Shot(
        name="review-reason",
        stage=Stage.GENERATED,
        path="/review/{flagged}/?batch={batch}",
        act=ask_for_reason,
    ),
    Shot(name="review-dark", stage=Stage.GENERATED, path="/review/{weak}/?batch={batch}", dark=True),
    Shot(name="review-phone", stage=Stage.GENERATED, path="/review/{weak}/?batch={batch}", phone=True),
    Shot(
        name="regenerate",
        stage=Stage.GENERATED,
        path="/conversations/{weak}/regenerate/",
        act=write_instruction,
    ),
    Shot(name="compare-versions", stage=Stage.REVIEWED, path="/conversations/{regenerated}/diff/1..2/"),
    Shot(
        name="approve-many",
        stage=Stage.REVIEWED,
        path="/conversations/?batch={batch}&status=generated",
        act=tick_all,
    ),
    Shot(name="export-new", stage=Stage.REVIEWED, path="/exports/new/"),
    Shot(name="export-finished", stage=Stage.REVIEWED, path="/exports/{export}/"),
    Shot(name="dashboard", stage=Stage.COUNTED, path="/dashboard/"),
    Shot(name="dashboard-dark", stage=Stage.COUNTED, path="/dashboard/", dark=True),
    Shot(name="dashboard-phone", stage=Stage.COUNTED, path="/dashboard/", phone=True),
)
