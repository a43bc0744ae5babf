"""`./run generate`: the same job as in the web, in the terminal."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from batches.planning.plan import PlanError
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from exports.unreviewed.target import CannotWrite
from lib.row_problems import cut_problems, group_problems
from lib.stale_state import StaleState
from lorapipe.management.commands.prepare import get_first_owner
from stack.environment import CHECKOUT
from terminal import options as terminal_options
from terminal.job import Declined, TerminalJob
from terminal.report import BAD_INPUT, INTERRUPTED
from terminal.screen import Screen


class Command(BaseCommand):
    help = "Plan, estimate, generate, score, store and export conversations. Jobs belong to the user `owner`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        terminal_options.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["joined"]:
            # The settings were read without a stack. `./run` finds or starts one before it reads them.
            os.execv(CHECKOUT / "run", ["./run", "generate", *sys.argv[2:]])  # noqa: S606
        sys.exit(generate(options, Screen(only_json=options["json"])))


def generate(options: dict[str, Any], screen: Screen) -> int:
    """The exit code: 2 for wrong input, and then nothing has been stored."""
    try:
        if wrong := terminal_options.find_conflicts(options):
            return _refuse(screen, wrong)
        return TerminalJob(options, owner=get_first_owner(), screen=screen).run()
    except PlanError as error:
        return _refuse(screen, [str(problem) for problem in cut_problems(group_problems(error.problems))])
    except (StaleState, CannotWrite, UnknownModel, RetiredModel, UnknownPrice) as error:
        return _refuse(screen, [str(error)])
    except (Declined, KeyboardInterrupt):
        screen.complain("Stopped; nothing was started.")
        return INTERRUPTED


def _refuse(screen: Screen, problems: list[str]) -> int:
    for problem in problems:
        screen.complain(problem)
    screen.result({"exit_code": BAD_INPUT, "problems": problems})
    return BAD_INPUT
