"""`./run manage screenshots`: takes the pictures of README and docs/tour.md anew."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lorapipe.screenshots.browser import BrowserGaveUp, BrowserMissing, open_studio
from lorapipe.screenshots.camera import take_pictures
from lorapipe.screenshots.demo_stack import DemoFailed, run_demo_stack
from lorapipe.screenshots.shots import SHOTS, Shot
from lorapipe.screenshots.states import STATES
from stack.environment import CHECKOUT

PICTURES = CHECKOUT / "docs" / "pictures"
TERMINATED = 143


class Command(BaseCommand):
    help = (
        "Take the pictures of the documents anew: starts a stack of its own in demo mode, in a temporary folder, makes "
        "a small world by real runs, and visits the screens with a browser. Your own data is not touched."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER", help="Where the PNG files go. Default: docs/pictures."
        )
        parser.add_argument(
            "--only", action="append", metavar="NAME", help="Only the picture of this name; may be repeated."
        )
        parser.add_argument(
            "--all-states",
            action="store_true",
            help="Instead, a picture of each screen in each of its states: nothing yet, nothing matches, error, partial, "
            "no permission, loading. Needs --to.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all_states"] and not options["to"]:
            raise CommandError("Say with --to into which folder the pictures of all states go.")
        shots = choose_shots(STATES if options["all_states"] else SHOTS, options["only"])
        folder = (options["to"] or PICTURES).resolve()
        end_orderly_when_terminated()
        try:
            # The browser first: when it is missing, nothing else is started.
            with open_studio() as studio, run_demo_stack() as stack:
                size = take_pictures(shots, folder=folder, stack=stack, studio=studio, say=self.stdout.write)
        except (BrowserGaveUp, BrowserMissing, DemoFailed) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(shots)} pictures, {size / 1000:.0f} kB together, in {folder}")


def choose_shots(table: Sequence[Shot], names: list[str] | None) -> list[Shot]:
    """Those of these names; all of them without names. Raises CommandError for a name that is not in the table."""
    known = {each.name: each for each in table}
    if unknown := [name for name in names or () if name not in known]:
        raise CommandError(f"No picture is called {unknown[0]}. There are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names or known)]


def end_orderly_when_terminated() -> None:
    """SIGTERM becomes an exception, so that the stack is stopped and its folder removed."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, leave)
