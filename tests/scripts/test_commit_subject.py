"""The hook that looks at the subject of a commit."""

from pathlib import Path

import pytest

from scripts.commit_subject import LONGEST, main, problems

GOOD = "engine: release the permit of a cancelled call"


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        f"{GOOD}\n\nIts slot was taken until the lease ended.\n",
        f"\n# a comment of git's\n{GOOD}\n# another one",
        "tests: give a date of their own to tests that named a day",
        "batches/web: show the month's budget",
        "models, admin: keep who approved",
        "x: " + "a " * ((LONGEST - 3) // 2) + "b",
        "Merge branch 'door'",
        'Revert "engine: release the permit of a cancelled call"',
        "fixup! anything at all",
    ],
)
def test_a_good_message_passes(message: str) -> None:
    assert problems(message) == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Release the permit", "area: verb what"),
        ("Engine: release the permit", "lower case"),
        ("engine: Release the permit", "lower case"),
        ("engine:release the permit", "area: verb what"),
        ("engine: release", "area: verb what"),
        (f"engine: release {'x' * LONGEST}", "72 are allowed"),
        (f"{GOOD}.", "full stop"),
        (f"{GOOD}\nand the body at once", "empty line"),
    ],
)
def test_a_bad_message_is_refused_with_the_reason(message: str, said: str) -> None:
    assert any(said in problem for problem in problems(message))


def test_as_git_calls_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(f"{GOOD}\n")
    assert main([str(file)]) == 0
    file.write_text("wip\n")
    assert main([str(file)]) == 1
    assert "A good one" in capsys.readouterr().err
