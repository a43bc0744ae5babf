"""The options of `./run generate`: wrong ones are said with exit code 2, before anything is started."""

from decimal import Decimal
from pathlib import Path

import pytest

from terminal.__main__ import main
from terminal.options import read

JOB = "8b9a1e56-2f0c-4a0e-9d5e-0d9f3d0b1c11"


def test_nothing_given_is_the_starter_plan() -> None:
    options = read([])
    assert (options.csv, options.tier, options.limit, options.budget, options.json) == (
        None,
        None,
        None,
        None,
        False,
    )


def test_what_is_given_is_typed(tmp_path: Path) -> None:
    words = "--tier template --tier scenario --limit 3 --seed -5 --budget $2.50 --concurrency 2 --yes"
    options = read([*words.split(), "--out", str(tmp_path / "a.jsonl")])
    assert (options.tier, options.limit, options.seed) == (["template", "scenario"], 3, -5)
    assert (options.budget, options.concurrency, options.yes) == (Decimal("2.50"), 2, True)
    assert options.out == tmp_path / "a.jsonl"


WRONG = [
    "--limit 0",
    "--limit x",
    "--limit 1.5",
    "--concurrency 0",
    "--budget 0",
    "--budget -1",
    "--budget nan",
    "--budget much",
    "--seed 9223372036854775808",
    "--tier edge",
    "--plan other",
    "--csv /nowhere/plan.csv",
    "--csv /",
    "--out /nowhere/all.jsonl",
    "--out /dev/null",
    "--resume 12",
    "--template Mine",
    "--unknown",
    "--lim 3",
    "surplus",
    f"--resume {JOB} --limit 3",
    "--retry-failed",
    f"--resume {JOB} --tier template",
    f"--resume {JOB} --csv {__file__}",
    f"--plan starter --csv {__file__}",
    f"--csv {__file__} --tier template --tier scenario",
]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_options_start_nothing(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LORAPIPE_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(SystemExit) as ended:
        main(["generate", *words.split()])
    assert ended.value.code == 2
    assert "./run generate: error:" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_help_starts_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LORAPIPE_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(SystemExit) as ended:
        main(["generate", "-h"])
    assert ended.value.code == 0
    assert "exit codes: 0 every conversation" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()
