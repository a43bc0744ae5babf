import os
from pathlib import Path

import pytest

from stack import client
from stack.environment import Environment, read
from stack.folder import DataFolder, Kind, StackState, Status
from stack.version import code_version


def settings_of(folder: DataFolder, **environ: str) -> Environment:
    return read({"LORAPIPE_DATA_DIR": str(folder.path), **environ})


def written(folder: DataFolder, *, kind: Kind = "up", status: Status = "ready", **environ: str) -> StackState:
    state = StackState(
        pid=os.getpid(),
        status=status,
        kind=kind,
        mode="demo",
        fingerprint=client.effective_fingerprint(settings_of(folder, **environ)),
        database_url="postgresql://stack",
        redis_url="redis://stack",
        simulator_url="http://127.0.0.1:5000",
    )
    folder.write_state(state)
    return state


def test_a_living_stack_with_the_same_settings_is_joined(folder: DataFolder) -> None:
    with folder.hold():
        state = written(folder)
        with client.join_or_start(settings_of(folder)) as stack:
            assert (stack.state, stack.started) == (state, False)
            assert stack.environ() == {
                "DATABASE_URL": "postgresql://stack",
                "REDIS_URL": "redis://stack",
                "LORAPIPE_SIMULATOR_URL": "http://127.0.0.1:5000",
                **folder.secret_variables(),
            }


def test_other_settings_are_refused_by_name(folder: DataFolder) -> None:
    with folder.hold():
        written(folder, RATE_LIMIT_RPM="7")
        with pytest.raises(client.StackDiffers, match="RATE_LIMIT_RPM is not the same") as caught:
            client.join_or_start(settings_of(folder))
    assert (caught.value.variable, caught.value.pid) == ("RATE_LIMIT_RPM", os.getpid())


def test_another_version_of_the_code_is_refused(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder.hold():
        written(folder)
        monkeypatch.setattr(client, "code_version", lambda: "later")
        with pytest.raises(client.StackDiffers, match="code has changed"):
            client.join_or_start(settings_of(folder))


def test_the_stack_of_a_command_has_no_workers_and_is_refused(folder: DataFolder) -> None:
    with folder.hold():
        written(folder, kind="command")
        with pytest.raises(client.StackBusy):
            client.join_or_start(settings_of(folder))
        joined = client.join(settings_of(folder))
        assert joined
        joined.close()


def test_nothing_lives_here(folder: DataFolder, tmp_path: Path) -> None:
    assert client.living(tmp_path / "never made") is None
    assert client.living(folder.path) is None
    assert client.join(settings_of(folder)) is None


def test_a_starting_stack_is_not_shown_yet(folder: DataFolder) -> None:
    with folder.hold():
        written(folder, status="starting")
        assert client.living(folder.path) is None
        state = written(folder, status="ready")
        assert client.living(folder.path) == state


def test_a_stack_that_cannot_start_says_why(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LORAPIPE_DATA_DIR", "not/absolute")
    with pytest.raises(client.StackFailed, match="must be an absolute path"):
        client.join_or_start(settings_of(folder), wait_s=30)


def test_the_code_version_follows_the_files(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_text("1")
    before = code_version(tmp_path)
    assert code_version(tmp_path) == before
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "b.py").write_text("not what runs")
    assert code_version(tmp_path) == before
    (tmp_path / "app" / "a.py").write_text("22")
    assert code_version(tmp_path) != before
