"""Looks for insecure code with bandit: `./run check insecure`.

    python scripts/find_insecure.py

Findings of medium severity and higher end it with 1, unless their lines explain themselves to ruff, whose rules S1 to S7
are bandit's (`# noqa: S608`): one explanation is enough for both. Tests and benchmarks are left out.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("tests", "bench", "docs")
EXPLAINED = re.compile(r"#\s*noqa:[^#]*\bS(\d{3})\b")
# bandit finds the same call under two numbers, and ruff knows one of them.
SAME_AS = {"B703": "308"}


def main() -> int:
    """Prints each unexplained finding; 1 if there is one."""
    found = [each for each in run_bandit() if not is_explained(each)]
    for each in found:
        place = f"{each['filename']}:{each['line_number']}"
        print(f"{place}: {each['test_id']} {each['issue_severity'].lower()}: {each['issue_text']}")
    return 1 if found else 0


def run_bandit() -> list[dict[str, Any]]:
    folders = sorted(path.parent.name for path in ROOT.glob("*/*.py"))
    ours = [name for name in dict.fromkeys(folders) if name not in LEFT_OUT and not name.startswith(".")]
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "--quiet", "--recursive", "-ll", "--format", "json", *ours],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    if answer["errors"]:
        raise SystemExit(f"bandit could not read everything: {answer['errors']}")
    return list(answer["results"])


def is_explained(finding: Mapping[str, Any]) -> bool:
    """Whether a line of the finding, or the one on which its statement ends, explains this rule."""
    lines = (ROOT / finding["filename"]).read_text().splitlines()
    number = SAME_AS.get(finding["test_id"], finding["test_id"].removeprefix("B"))
    first, last = min(finding["line_range"]), max(finding["line_range"])
    return number in list_explained(lines[first - 1 : last])


def list_explained(lines: Iterable[str]) -> list[str]:
    return [number for line in lines for number in EXPLAINED.findall(line)]


if __name__ == "__main__":
    sys.exit(main())
