"""The checks of the code: `./run check` and CI both run this, so that no list of checks stands twice.

    python scripts/check.py               every check, as many at once as there are cores
    python scripts/check.py types lint    these ones only
    python scripts/check.py -guards       all but this one: CI runs the guards with the other tests
    python scripts/check.py audit         the packages, by an advisory service on the network: only when it is named

It prints each check's name, whether it is ok, and its time; of a failed check also its whole output. The exit code is
1 when one has failed and 2 when a name is not known. The one server needed is the PostgreSQL that the guard tests
start for themselves; the commands of Django's are given the address of a database that is not there.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
UPGRADE_CHECK = "lorapipe/static/vendor/htmx/upgrade-check.py"
NO_SERVER = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


class Check(NamedTuple):
    """A command that ends with 0 when all is well, and what it finds in its environment beside ours."""

    name: str
    command: list[str]
    environment: dict[str, str] = {}
    by_name_only: bool = False  # it needs the network
    says: bool = False  # what it prints is shown when all is well too


class Outcome(NamedTuple):
    name: str
    passed: bool
    seconds: float
    output: str
    says: bool = False


def all_checks() -> list[Check]:
    """The slowest ones first, so that the short ones fill the time beside them."""
    served = {"LORAPIPE_HTTPS": "1", "SECRET_KEY": secrets.token_urlsafe(50)}
    return [
        Check("guards", [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/guards"]),
        Check("types", [PYTHON, "-m", "mypy", "."]),
        Check("insecure", [PYTHON, "scripts/find_insecure.py"]),
        Check("migrations", [*manage("makemigrations"), "--check", "--dry-run"], NO_SERVER),
        Check("deploy", [*manage("check"), "--deploy", "--fail-level", "WARNING"], NO_SERVER | served),
        Check("lint", [PYTHON, "-m", "ruff", "check", "."]),
        Check("format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
        Check("rooms", [PYTHON, "scripts/draw_rooms.py", "--check"], NO_SERVER),
        Check("vendored", [PYTHON, "scripts/vendor.py", "--check"]),
        Check("htmx", [PYTHON, UPGRADE_CHECK, *template_folders()]),
        Check("audit", [PYTHON, "scripts/audit_packages.py"], by_name_only=True, says=True),
    ]


def manage(command: str) -> list[str]:
    return [PYTHON, "manage.py", command]


def template_folders() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/templates"))


def main(names: list[str]) -> int:
    checks = all_checks()
    known = [check.name for check in checks]
    left_out = [name.removeprefix("-") for name in names if name.startswith("-")]
    chosen = [name for name in names if not name.startswith("-")]
    unknown = [name for name in (*chosen, *left_out) if name not in known]
    if unknown:
        print(
            f"There is no check named {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr
        )
        return 2
    wanted = chosen or [check.name for check in checks if not check.by_name_only]
    return report([check for check in checks if check.name in wanted and check.name not in left_out])


def report(checks: list[Check]) -> int:
    """Prints each outcome as it comes, and how many have failed; 1 when one has."""
    started, failed = time.monotonic(), []
    for outcome in run_side_by_side(checks):
        print(
            f"{outcome.name:<12}{'ok' if outcome.passed else 'FAILED':<8}{outcome.seconds:5.1f} s", flush=True
        )
        if not outcome.passed:
            failed.append(outcome.name)
        if outcome.says or not outcome.passed:
            print(outcome.output, flush=True)
    summary = (
        f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}" if failed else "All is well"
    )
    print(f"{summary} ({time.monotonic() - started:.1f} s)")
    return 1 if failed else 0


def run_side_by_side(checks: list[Check]) -> Iterator[Outcome]:
    """The outcomes in the order in which the checks end."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for future in as_completed([pool.submit(run, check) for check in checks]):
            yield future.result()


def run(check: Check) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=ROOT,
        env=os.environ | check.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(check.name, done.returncode == 0, time.monotonic() - started, done.stdout, check.says)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
