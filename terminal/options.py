"""The options of `./run generate`. It needs no Django, so a wrong option is reported before anything starts."""

import argparse
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

from exports.unreviewed.target import CannotWrite, check_target

TIERS = ("template", "scenario", "edge_case")
LARGEST_SEED = 2**63 - 1
EPILOG = """
columns of a file: topic (required), tier, persona, emotion, intent, tone, category (words between ; or |),
template (a name), and any variable of the templates in use. An unknown column is an error.

exit codes: 0 every conversation was made, 1 some failed or the job failed, 2 wrong input (nothing was started),
3 paused by its budget or by somebody, 130 stopped by you (Ctrl-C pauses the job; or the question was answered no).
"""


def read(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options and check what needs no database. Ends the process with 2 for wrong options and 0 for -h."""
    parser = argparse.ArgumentParser(
        prog="./run generate",
        description="Plan, estimate, generate, score, store and export conversations, in the terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser)
    found = parser.parse_args(words)
    if wrong := find_conflicts(vars(found)):
        parser.error("\n".join(wrong))
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: what to generate, how to run it, and where the file goes."""
    what = parser.add_argument_group("what")
    what.add_argument(
        "--plan", choices=["starter"], help="the starter plan of 90 conversations (the default)"
    )
    what.add_argument(
        "--csv",
        type=_parse_readable,
        metavar="FILE",
        help="one conversation for each row of this file: CSV, a workbook (.xlsx, .xls, .ods), JSON or JSON Lines",
    )
    what.add_argument(
        "--sheet",
        metavar="NAME",
        help="with --csv: the sheet of a workbook, by its name or number (default: the first one with values)",
    )
    what.add_argument(
        "--tier",
        action="append",
        choices=TIERS,
        help="only this tier of the starter plan (may be repeated); with --csv: the default tier",
    )
    what.add_argument("--template", metavar="NAME", help="with --csv: the default template")
    what.add_argument(
        "--limit", type=_parse_count, metavar="N", help="only the first N, after the shuffle of --seed"
    )
    what.add_argument(
        "--seed", type=_parse_seed, metavar="N", help="shuffle the plan; the same number gives the same order"
    )
    what.add_argument(
        "--resume", type=_parse_job_id, metavar="ID", help="go on with a paused or failed job, then export it"
    )
    what.add_argument(
        "--retry-failed",
        action="store_true",
        help="with --resume: try its failed items again, also of a finished job",
    )
    how = parser.add_argument_group("how")
    how.add_argument(
        "--concurrency",
        type=_parse_count,
        metavar="N",
        help="calls at once (default: LORAPIPE_MAX_CONCURRENCY)",
    )
    how.add_argument(
        "--budget",
        type=_parse_money,
        metavar="USD",
        help="never spend more than this (default: from the estimate)",
    )
    how.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    where = parser.add_argument_group("where to")
    where.add_argument("--name", metavar="NAME", help="the name of the job")
    where.add_argument(
        "--out", type=_parse_target, metavar="FILE.jsonl", help="the file (default: a new one in this folder)"
    )
    where.add_argument(
        "--no-system",
        action="store_true",
        help="leave the system messages out, for models that refuse them in training data (Gemma)",
    )
    where.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object, last, and nothing else, on standard output",
    )
    where.add_argument("--joined", action="store_true", help=argparse.SUPPRESS)


def find_conflicts(options: Mapping[str, Any]) -> list[str]:
    """The messages about options that cannot be combined."""
    checks = [
        (options["plan"] and options["csv"], "--plan and --csv: choose one of them."),
        (options["retry_failed"] and not options["resume"], "--retry-failed works only with --resume."),
        (options["template"] is not None and not options["csv"], "--template works only with --csv."),
        (options["sheet"] is not None and not options["csv"], "--sheet works only with --csv."),
        (
            options["csv"] and len(options["tier"] or ()) > 1,
            "--tier may be given once with --csv: it is the default tier.",
        ),
    ]
    with_resume = [
        f"--{name}"
        for name in ("plan", "csv", "sheet", "tier", "template", "limit", "seed", "name")
        if options[name] is not None
    ]
    checks.append(
        (
            options["resume"] and with_resume,
            f"--resume goes on with a job as it was planned: leave out {', '.join(with_resume)}.",
        )
    )
    return [message for wrong, message in checks if wrong]


def _parse_count(word: str) -> int:
    if word.isascii() and word.isdigit() and 1 <= int(word) <= 1_000_000:
        return int(word)
    raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1 up")


def _parse_seed(word: str) -> int:
    digits = word.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) < 20 and abs(int(word)) <= LARGEST_SEED:
        return int(word)
    raise argparse.ArgumentTypeError(f"{word!r} is not a whole number")


def _parse_money(word: str) -> Decimal:
    try:
        amount = Decimal(word.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount.is_finite() and 0 < amount <= 1_000_000:
        return amount
    raise argparse.ArgumentTypeError(f"{word!r} is not an amount in USD, for example 2.50")


def _parse_job_id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is not the id of a job") from None


def _parse_readable(word: str) -> Path:
    path = Path(word)
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{word}: {error.strerror}") from None
    return path


def _parse_target(word: str) -> Path:
    try:
        return check_target(Path(word))
    except CannotWrite as error:
        raise argparse.ArgumentTypeError(str(error)) from None
