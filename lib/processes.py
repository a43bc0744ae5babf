"""Recognise a process: tell it from a later one with the same number, and know for certain that it has ended."""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

STAT = "/proc/{pid}/stat"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
ENDED = "ZX"  # the states of a process that has ended but is still listed


class Process(NamedTuple):
    """A process of some machine. Everything but `pid` is empty where the system does not tell it (Linux tells all).

    `boot_id`: the start of the machine that it runs on. `namespace`: where `pid` counts, because each container numbers its
    processes anew. `start`: when it was started, in ticks since the machine's start.
    """

    pid: int
    boot_id: str = ""
    namespace: str = ""
    start: str = ""


def describe_own() -> Process:
    """This process."""
    boot_id, namespace = _read_place()
    _, start = _read_stat(os.getpid()) or ("", "")
    return Process(os.getpid(), boot_id, namespace, start)


def has_ended(known: Process, *, here: Process) -> bool:
    """Whether `known` has certainly ended, as seen from the process `here`.

    False as well where that cannot be seen: for another machine or container, or when one of the two is not described fully.
    """
    if not all(known) or (known.boot_id, known.namespace) != (here.boot_id, here.namespace):
        return False
    try:
        os.kill(known.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it exists and belongs to somebody else, who may hide it below /proc
        pass
    found = _read_stat(known.pid)
    return found is not None and (found[0] in ENDED or found[1] != known.start)


def identity(pid: int) -> str | None:
    """A text that tells a process from a later one with the same pid; None when there is none (or only a zombie)."""
    if not Path(STAT.format(pid="self")).exists():
        return _identity_from_ps(pid)
    found = _read_stat(pid)
    return None if found is None or found[0] in ENDED else f"{_read_place()[0]}:{found[1]}"


def _read_stat(pid: int) -> tuple[str, str] | None:
    """State and start of a process. The name before them, in brackets, may hold spaces and brackets itself."""
    try:
        fields = Path(STAT.format(pid=pid)).read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], fields[19]


@cache
def _read_place() -> tuple[str, str]:
    try:
        return BOOT_ID.read_text().strip(), os.readlink(NAMESPACE)
    except OSError:
        return "", ""


def _identity_from_ps(pid: int) -> str | None:
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
