import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib.processes import identity
from stack.folder import DataFolder, FolderRefused, FolderTaken, StackState

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def state(**changes: object) -> StackState:
    fields: dict[str, object] = {
        "pid": os.getpid(),
        "status": "ready",
        "kind": "up",
        "mode": "demo",
        "fingerprint": {"PORT": "a"},
    }
    return StackState(**(fields | changes))  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_secret_is_made_once_and_for_its_owner_alone(folder: DataFolder) -> None:
    word = folder.secret("secret_key")
    assert folder.secret("secret_key") == word
    assert len(word) >= 50
    assert mode(folder.path / "secret_key") == 0o600
    assert folder.secret("other") != word


def test_a_folder_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderRefused, match="Set LORAPIPE_DATA_DIR to a folder"):
        DataFolder(tmp_path / "file" / "data").prepare()


def test_one_stack_per_folder(folder: DataFolder) -> None:
    with folder.hold(), pytest.raises(FolderTaken) as caught, folder.hold(wait_s=0.1):
        pass
    assert caught.value.pid == os.getpid()
    with folder.hold(wait_s=0.0):
        pass


def test_the_state_is_private_and_ends_with_the_stack(folder: DataFolder) -> None:
    with folder.hold():
        folder.write_state(state(database_url="postgresql://x"))
        assert mode(folder.state_file) == 0o600
        assert folder.living() == state(database_url="postgresql://x")
    assert folder.living() is None
    assert not folder.state_file.exists()


def test_a_state_left_by_a_killed_stack_is_not_living(folder: DataFolder) -> None:
    folder.write_state(state())
    assert folder.living() is None


def test_the_difference_is_named() -> None:
    assert state().difference({"PORT": "b"}) == "PORT"
    assert state().difference({"PORT": "a"}) is None


def test_an_unreadable_state_counts_as_none(folder: DataFolder) -> None:
    with folder.hold():
        folder.state_file.write_text("{half")
        assert folder.living() is None


def test_sweep_ends_what_was_left_and_nothing_else(folder: DataFolder) -> None:
    left, stranger = (subprocess.Popen(SLEEPER, start_new_session=True) for _ in range(2))
    folder.record({"left": (left.pid, signal.SIGKILL), "stranger": (stranger.pid, signal.SIGKILL)})
    recorded = folder.path / "processes.json"
    entries = json.loads(recorded.read_text())
    entries[1]["identity"] = "the number now belongs to another process"
    recorded.write_text(json.dumps(entries))
    assert folder.sweep() == ["left"]
    assert left.wait(5) == -signal.SIGKILL
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait(5)
    assert folder.sweep() == []


def test_a_process_is_known_by_more_than_its_number() -> None:
    child = subprocess.Popen(SLEEPER)
    known = identity(child.pid)
    assert known is not None
    assert known != identity(os.getpid())
    child.kill()
    child.wait(5)
    assert identity(child.pid) is None
