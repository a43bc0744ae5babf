"""Runs a program that dies with its parent: `launch.py SIGNAL PARENT UID GID FOLDER PROGRAM ARGS...`.

Run as a script by an isolated Python, so it imports the standard library only. A program of its own instead of
`preexec_fn`: that may deadlock in a process with threads (Python 3.12 warns), and an unprivileged user may not
reach our Python, so the change of user has to come after the imports.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
CANNOT_ENTER = 125


def main(argv: list[str]) -> int:
    death_signal, parent, uid, gid = (int(word) for word in argv[1:5])
    folder, program = argv[5], argv[6:]
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if prctl:  # after the change of user, which would clear it
        prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # the parent died before the line above
        return 1
    try:
        os.chdir(folder)
        os.execv(program[0], program)  # noqa: S606
    except OSError as error:
        print(f"{program[0]} in {folder}: {error.strerror}", file=sys.stderr)
        return CANNOT_ENTER


if __name__ == "__main__":
    sys.exit(main(sys.argv))
