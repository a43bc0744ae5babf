"""Asks an advisory service about the locked packages with pip-audit: `./run check audit`, and CI after its tests.

    python scripts/audit_packages.py

It ends with 1 when a package has a known weakness. When the service cannot be reached within a minute it says so and ends
with 0: a network that is away is no weakness, and no news either.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-parquet.lock", "requirements-s3.lock", "requirements-hub.lock")
LONGEST_S = 60
ANSWER_S = 5


class Outcome(NamedTuple):
    """`found`: what is weak, a line each. `reached`: whether the service was asked about everything."""

    found: list[str]
    reached: bool
    reason: str = ""


def main() -> int:
    outcome = audit(LOCKS)
    if not outcome.reached:
        print(f"Not reachable: nothing is known about the packages ({outcome.reason}).")
        return 0
    for line in outcome.found:
        print(f"Found: {line}")
    print(f"{len(outcome.found)} known weaknesses." if outcome.found else "No known weakness.")
    return 1 if outcome.found else 0


def audit(locks: tuple[str, ...]) -> Outcome:
    chosen = [word for lock in locks for word in ("--requirement", lock)]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", str(ANSWER_S)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", "--format", "json", *options, *chosen],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome([], reached=False, reason=f"no answer in {LONGEST_S} s")
    return read_answer(done.stdout, done.stderr)


def read_answer(output: str, complaints: str) -> Outcome:
    """pip-audit ends with 1 for a weakness and for a service that is away alike; only with an answer it prints JSON."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (complaints.strip().splitlines() or ["no answer"])[-1]
        return Outcome([], reached=False, reason=last[:200])
    return Outcome([line for each in packages for line in describe(each)], reached=True)


def describe(package: dict[str, object]) -> list[str]:
    """`django 5.2.1: PYSEC-2026-1, corrected in 5.2.2` for each weakness of the package."""
    weaknesses = package.get("vulns")
    lines = []
    for each in weaknesses if isinstance(weaknesses, list) else []:
        corrected = ", ".join(each.get("fix_versions") or ["no version yet"])
        lines.append(f"{package['name']} {package['version']}: {each['id']}, corrected in {corrected}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
