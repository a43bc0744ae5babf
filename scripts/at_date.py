#!/usr/bin/env python3
"""Runs a command under another date: `scripts/at_date.py +40d ./run test`, `scripts/at_date.py "2028-02-29 12:00" ./run test`.

The whole process tree sees the shifted wall clock, PostgreSQL and Valkey included; the monotonic clock stays as it is.
`scripts/at_date.py all ./run test` runs the command once for each date of CLOCKS. Times are UTC. Needs a C compiler, on Linux.
"""

import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")
# Tomorrow, past the end of a month, past the end of a year, a leap day, and the hour in which Europe's summer time begins.
CLOCKS = ("+1d", "+40d", "+400d", "2028-02-29 12:00", "2027-03-28 00:55")
SUMMER_TIME = "Europe/Berlin"


def compile_clock(folder: Path) -> Path:
    """The library that shifts the clock, where PostgreSQL's user may read it too."""
    library = folder / "shifted_clock.so"
    folder.chmod(0o755)
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    if subprocess.run(command, check=False).returncode:
        sys.exit("The clock's library could not be compiled. On Debian or Ubuntu: apt install gcc libc6-dev")
    return library


def parse_shift(clock: str) -> int:
    """Seconds from now: `+40d`, or a date and time. Every process is given the shift, so that they agree."""
    if days := re.fullmatch(r"([+-]\d{1,5})d", clock):
        return int(days[1]) * 24 * 3600
    try:
        moment = datetime.strptime(clock, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        sys.exit(f'{clock}: give a number of days like +40d, a date like "2028-02-29 12:00", or all')
    return round((moment - datetime.now(UTC)).total_seconds())


def run_at(clock: str, command: list[str], *, library: Path) -> int:
    """Runs the command under that clock and returns its exit code."""
    shifted = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "LORAPIPE_CLOCK_SHIFT": str(parse_shift(clock)),
        "TZ": SUMMER_TIME,
    }
    print(f"--- {clock}: {' '.join(command)}", file=sys.stderr, flush=True)
    return subprocess.run(command, env=shifted, check=False).returncode


def main(words: list[str]) -> int:
    if len(words) < 2:
        sys.exit(__doc__)
    clock, *command = words
    with tempfile.TemporaryDirectory(prefix="lorapipe-clock-") as folder:
        library = compile_clock(Path(folder))
        codes = [run_at(each, command, library=library) for each in (CLOCKS if clock == "all" else [clock])]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
