"""The check of a finished file of JSON lines: what it holds is what its readers expect and its manifest says."""

import hashlib
import json
from collections.abc import Iterable

from exports.preflight.report import Finding, Findings

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def check_file(
    lines: Iterable[bytes], *, sha256: str | None = None, rows: int | None = None
) -> tuple[Finding, ...]:
    r"""What is wrong with a JSONL file. `lines`: each with its "\n", as an open binary file gives them.

    `sha256` and `rows`: what the manifest says; None to leave that out. The ids of the findings are numbers of lines, from 1.
    Constant memory, but for the longest line.
    """
    findings, digest, number = Findings(), hashlib.sha256(), 0
    last = b"\n"
    for number, line in enumerate(lines, start=1):
        digest.update(line)
        _check_line(line, number, findings)
        last = line
    if not last.endswith(b"\n"):
        findings.add("no_last_newline", str(number))
    if sha256 not in (None, digest.hexdigest()) or rows not in (None, number):
        findings.add("not_as_in_manifest")
    return findings.list()


def _check_line(line: bytes, number: int, findings: Findings) -> None:
    if number == 1 and line.startswith(BYTE_ORDER_MARK):
        findings.add("byte_order_mark", "1")
        line = line.removeprefix(BYTE_ORDER_MARK)
    if line.endswith((b"\r\n", b"\r")):
        findings.add("carriage_returns", str(number))
    if not line.strip():
        findings.add("blank_lines", str(number))
    elif not _is_object(line):
        findings.add("not_an_object", str(number))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode(), parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
