#!/usr/bin/env python3
"""A hook of git that refuses a commit message whose subject is not `area: verb what` in at most 72 characters.

    scripts/commit_subject.py FILE      git gives the file that holds the message

pre-commit runs it (.pre-commit-config.yaml). Only the standard library is used, so that it needs no installation.
"""

import re
import sys
from pathlib import Path

LONGEST = 72
SHAPE = re.compile(r"[a-z][a-z0-9_./-]*(, [a-z][a-z0-9_./-]*)*: [a-z]\S* \S.*")
# What git writes by itself, and what is to be squashed into another commit before anybody sees it.
WRITTEN_BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")
EXAMPLE = "engine: release the permit of a cancelled call"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(Path(arguments[0]).read_text(encoding="utf-8"))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print(f"A good one: {EXAMPLE}", file=sys.stderr)
    return 1 if found else 0


def problems(message: str) -> list[str]:
    """What is wrong with the message, a sentence each. Lines that begin with # are git's own and do not count."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    subject = next((line for line in lines if line), "")
    if not subject or subject.startswith(WRITTEN_BY_GIT):
        return []  # git refuses an empty message by itself
    found = []
    if len(subject) > LONGEST:
        found.append(f"The subject has {len(subject)} characters; {LONGEST} are allowed.")
    if not SHAPE.fullmatch(subject):
        found.append("The subject must read `area: verb what`, with the area and the verb in lower case.")
    if subject.endswith("."):
        found.append("The subject must not end with a full stop.")
    after = lines[lines.index(subject) + 1 :]
    if after and after[0]:
        found.append("There must be an empty line between the subject and the body.")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
