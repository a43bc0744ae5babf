"""An export that is cancelled, whose disk is full, or whose worker ends: no half file stays, and it can begin again."""

import errno
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import FileSystemStorage

from background.actions import cancel_job
from conversations.models import Conversation
from conversations.states import Status
from exports.models import Export
from exports.models.states import ExportState
from exports.running import reading, storing, writing
from exports.running.actions import create_export, write_export
from tests.exports.conftest import Exporting, list_files, run_again
from tests.factories import make_conversation
from tests.support.background import run
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def conversations(owner: User) -> list[Conversation]:
    """Their keys tell their splits."""
    return [
        make_conversation(
            by=owner, status=Status.APPROVED, turns=[f"Why {number}? " * 400, "So."], id=UUID(int=number + 1)
        )
        for number in range(6)
    ]


@pytest.fixture
def largest_file() -> Iterator[None]:
    """No file of this process may grow beyond 4 kB: the operating system then answers as it does for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("largest_file")
def test_a_full_disk_is_told_and_nothing_is_left(owner: User, export: Exporting, files_in: Path) -> None:
    made = export(validation_percent=50)
    assert made.state == ExportState.FAILED
    assert made.job is not None
    assert "The disk is full" in made.job.error
    assert (made.files, list_files(files_in)) == ([], [])
    assert not list(files_in.rglob("*.jsonl"))


def test_a_storage_that_is_full_leaves_nothing_either(
    owner: User, export: Exporting, files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = FileSystemStorage.save
    saved: list[str] = []

    def fill(storage: FileSystemStorage, name: str, content: Any, **more: Any) -> str:
        if saved:
            raise OSError(errno.ENOSPC, "No space left on device")
        saved.append(name)
        return save(storage, name, content, **more)

    monkeypatch.setattr(FileSystemStorage, "save", fill)
    made = export(validation_percent=50, seed=1)
    assert made.state == ExportState.FAILED
    assert (saved != [], list_files(files_in)) == (True, [])
    monkeypatch.setattr(FileSystemStorage, "save", save)
    assert run_again(write_export(made, by=owner)).state == ExportState.COMPLETED


def start(owner: User) -> Export:
    return create_export(
        workspace=owner.personal_workspace(), by=owner, name="Mine", format="messages", pauses=False
    )


def test_cancelled_between_two_chunks(owner: User, files_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 2)
    made, write_items = start(owner), writing._write_items

    def cancel(job: Any, export: Export, writers: Any) -> None:
        cancel_job(job.row, by=owner)
        write_items(job, export, writers)

    monkeypatch.setattr(writing, "_write_items", cancel)
    assert run_again(made).state == ExportState.CANCELLED
    assert (made.files, list_files(files_in)) == ([], [])
    monkeypatch.setattr(writing, "_write_items", write_items)
    assert run_again(write_export(made, by=owner)).files[0]["rows"] == 6


def test_a_worker_that_stops_begins_anew(
    owner: User, files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, write_items, stopping = start(owner), writing._write_items, threading.Event()

    def stop(job: Any, export: Export, writers: Any) -> None:
        stopping.set()
        write_items(job, export, writers)

    monkeypatch.setattr(writing, "_write_items", stop)
    assert made.job is not None
    run(made.job, stopping=stopping)
    made.refresh_from_db()
    assert (made.state, list_files(files_in)) == (ExportState.QUEUED, [])
    monkeypatch.setattr(writing, "_write_items", write_items)
    assert run_again(made).state == ExportState.COMPLETED


def test_a_conversation_that_goes_meanwhile(
    owner: User, conversations: list[Conversation], files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, store = start(owner), storing.store

    def delete(*given: Any) -> dict[str, str]:
        conversations[0].delete()
        return store(*given)

    monkeypatch.setattr(writing, "store", delete)
    assert run_again(made).state == ExportState.FAILED
    assert made.job is not None
    assert (made.files, list_files(files_in)) == ([], [])
