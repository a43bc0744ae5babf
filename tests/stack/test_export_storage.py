"""The storage of export files: a shared folder for real, and an S3-compatible one as far as it goes without a network."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage.handler import StorageHandler

from stack.environment import WrongEnvironment, read
from stack.export_storage import describe_storage, refuse_unusable

INSTALLED = importlib.util.find_spec("storages") is not None and importlib.util.find_spec("boto3") is not None
ROOT = Path(__file__).resolve().parents[2]


def open_storage(**environ: str) -> Any:
    named: Any = {"exports": describe_storage(read(environ))}
    return StorageHandler(named)["exports"]


def refuse(**environ: str) -> str:
    with pytest.raises(WrongEnvironment) as caught:
        refuse_unusable(read(environ))
    (problem,) = caught.value.problems
    return problem


def test_a_shared_folder_keeps_what_two_processes_store(tmp_path: Path) -> None:
    environ = {"LORAPIPE_EXPORT_DIR": str(tmp_path)}
    refuse_unusable(read(environ))
    one, other = open_storage(**environ), open_storage(**environ)
    place = one.save("key/attempt/mine.jsonl", ContentFile(b"{}\n"))
    with other.open(place) as stream:
        assert stream.read() == b"{}\n"
    assert (tmp_path / place).stat().st_mode & 0o777 == 0o600
    assert other.listdir("key") == (["attempt"], [])


def test_without_a_word_it_is_the_data_folder(tmp_path: Path) -> None:
    found = describe_storage(read({"LORAPIPE_DATA_DIR": str(tmp_path)}))
    assert found["OPTIONS"]["location"] == tmp_path / "exports"
    refuse_unusable(read({}))


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    place = tmp_path / "not-mounted"
    assert "Mount it, or make it" in refuse(LORAPIPE_EXPORT_DIR=str(place))
    assert not place.exists()
    place.write_text("a file")
    assert "there is no such folder" in refuse(LORAPIPE_EXPORT_DIR=str(place))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "may not write there" in refuse(LORAPIPE_EXPORT_DIR=str(tmp_path))
    tmp_path.chmod(0o700)


def test_without_the_package_the_start_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.export_storage.importlib.util.find_spec", lambda name: None)
    said = refuse(LORAPIPE_EXPORT_S3="data")
    (lock,) = re.findall(r"[\w-]+\.lock", said)
    assert (ROOT / lock).exists()


def test_run_says_it_before_anything_is_started(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "LORAPIPE_EXPORT_DIR": str(tmp_path / "gone"),
        "LORAPIPE_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "stack", "up"],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "LORAPIPE_EXPORT_DIR=" in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not INSTALLED, reason="not installed: pip install -r requirements-s3.lock")
def test_the_settings_of_an_s3_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    found = open_storage(LORAPIPE_EXPORT_S3="data/lora", LORAPIPE_EXPORT_S3_ENDPOINT="http://127.0.0.1:9")
    assert (found.bucket_name, found.location, found.endpoint_url) == ("data", "lora", "http://127.0.0.1:9")
    assert (found.default_acl, found.file_overwrite) == (None, False)
    assert (found.access_key, found.secret_key) == ("someone", "hush")
    signed = found.url("key/attempt/mine.jsonl")
    assert signed.startswith("http://127.0.0.1:9/data/lora/key/attempt/mine.jsonl?")
    assert "hush" not in signed
