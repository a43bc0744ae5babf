"""The audit of the packages tells a weakness apart from a service that is away."""

import json
import subprocess
import sys
from typing import Any

import pytest

from scripts import audit_packages
from scripts.audit_packages import Outcome, read_answer

WEAK = {"id": "PYSEC-2026-1", "fix_versions": ["5.2.2"], "aliases": [], "description": ""}


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_a_weakness_is_found() -> None:
    told = answer(
        {"name": "a", "version": "1", "vulns": []}, {"name": "django", "version": "5.2.1", "vulns": [WEAK]}
    )
    assert read_answer(told, "Found 1 known vulnerability") == Outcome(
        ["django 5.2.1: PYSEC-2026-1, corrected in 5.2.2"], reached=True
    )


def test_a_service_that_is_away_is_no_finding() -> None:
    found = read_answer("", "ERROR:pip_audit:Could not connect to PyPI's vulnerability feed\n")
    assert (found.found, found.reached) == ([], False)
    assert "Could not connect" in found.reason


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (Outcome(["x"], reached=True), 1, "Found: x"),
        (Outcome([], reached=True), 0, "No known weakness."),
        (
            Outcome([], reached=False, reason="away"),
            0,
            "Not reachable: nothing is known about the packages (away).",
        ),
    ],
)
def test_how_it_ends(
    outcome: Outcome,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(audit_packages, "audit", lambda _: outcome)
    assert audit_packages.main() == code
    assert words in capsys.readouterr().out


def test_it_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired([sys.executable], timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert audit_packages.audit(("requirements.lock",)) == Outcome(
        [], reached=False, reason="no answer in 60 s"
    )
