"""`./run check`: what it prints, and how it ends."""

import shutil
import sys
from pathlib import Path

import pytest

from scripts import check
from scripts.check import Check


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


GOOD = Check("good", python("print('nobody wants to know')"))
BAD = Check("bad", python("import sys; print('line 1'); print('line 2', file=sys.stderr); sys.exit(3)"))


def test_a_failed_check_shows_all_it_said_and_a_good_one_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.report([GOOD, BAD]) == 1
    told = capsys.readouterr().out
    assert "line 1\nline 2" in told
    assert "nobody wants to know" not in told
    assert "1 of 2 checks failed: bad" in told


def test_every_check_is_named_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.report([GOOD]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["good", "ok"]
    assert first.endswith(" s")
    assert last.startswith("All is well")


def test_a_check_finds_what_it_needs_in_its_environment() -> None:
    wanting = Check(
        "wanting", python("import os, sys; sys.exit(os.environ['ONLY_HERE'] != '1')"), {"ONLY_HERE": "1"}
    )
    assert check.run(wanting).passed


def test_a_check_that_is_not_known_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["lint", "tpyes"]) == 2
    told = capsys.readouterr().err
    assert "no check named tpyes" in told
    assert "types" in told


def test_only_the_named_checks_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "all_checks", lambda: [GOOD, BAD])
    assert check.main(["good"]) == 0
    assert "bad" not in capsys.readouterr().out


def test_every_app_with_templates_is_looked_at() -> None:
    folders = check.template_folders()
    assert {"lorapipe/templates", "batches/templates", "workspaces/templates"} <= set(folders)
    assert all((check.ROOT / folder).is_dir() for folder in folders)


def test_the_guards_are_there() -> None:
    """A moved folder must not leave a check behind that looks at nothing."""
    for each in check.all_checks():
        for word in each.command:
            if "/" in word and shutil.which(word) is None:
                assert (check.ROOT / word).exists(), f"{each.name}: {word}"
    assert Path(check.ROOT / "tests" / "guards").is_dir()


def test_a_check_can_be_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "all_checks", lambda: [GOOD, BAD])
    assert check.main(["-bad"]) == 0
    assert "good" in capsys.readouterr().out
    assert check.main(["-tpyes"]) == 2


def test_a_check_that_needs_the_network_runs_by_its_name_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    online = Check("online", python("print('asked')"), by_name_only=True, says=True)
    monkeypatch.setattr(check, "all_checks", lambda: [GOOD, online])
    assert check.main([]) == 0
    assert "online" not in capsys.readouterr().out
    assert check.main(["online"]) == 0
    assert "asked" in capsys.readouterr().out
