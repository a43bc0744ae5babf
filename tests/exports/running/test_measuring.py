"""Size and hash of a file are those of its whole content, also when it was followed while it grew."""

import hashlib
from pathlib import Path

import pytest

from exports.running.measuring import measure, measure_beside


def describe(content: bytes) -> dict[str, object]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_a_finished_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * 1_000_000)
    assert measure(path) == describe(b"{}\n" * 1_000_000)


def test_files_that_grow_meanwhile(tmp_path: Path) -> None:
    paths = [tmp_path / "train.jsonl", tmp_path / "test.jsonl", tmp_path / "empty.jsonl"]
    for path in paths:
        path.touch()
    with measure_beside(paths) as measured, paths[0].open("ab") as train, paths[1].open("ab") as test:
        for number in range(2_000):
            train.write(b"%d\n" % number * 500)
            test.write(b"%d\n" % number)
        assert not measured
    assert measured == {path: describe(path.read_bytes()) for path in paths}
    assert measured[paths[0]]["bytes"] > 4_000_000


def test_what_goes_wrong_while_they_are_written_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"half")
    with pytest.raises(ZeroDivisionError), measure_beside([path]) as measured:
        raise ZeroDivisionError
    assert not measured


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), measure_beside([tmp_path / "none.jsonl"]):
        pass
