"""`./run manage import_conversations FILE`."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from conversations.models import Conversation
from exports.models import ImportedFile
from tests.factories import TALK
from tests.support.background import run_open_jobs
from workspaces.models import User

pytestmark = pytest.mark.django_db


def test_a_file_is_imported(owner: User, tmp_path: Path) -> None:
    path, said = tmp_path / "old.jsonl", io.StringIO()
    path.write_bytes(TALK + b"{broken\n")
    call_command("import_conversations", path, "--tier", "scenario", "--dry-run", stdout=said)
    assert "1 read, 1 refused; 1 new" in said.getvalue()
    assert "row 2: This is not JSON" in said.getvalue()
    assert not ImportedFile.objects.exists()
    call_command("import_conversations", path, "--persona", "Nurse", stdout=said)
    run_open_jobs()
    assert Conversation.objects.get().persona == "Nurse"


def test_what_is_wrong_is_said(owner: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_conversations", tmp_path / "none.jsonl")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(CommandError, match="empty"):
        call_command("import_conversations", tmp_path / "empty.csv")
    with pytest.raises(CommandError, match="No user is called"):
        call_command("import_conversations", tmp_path / "empty.csv", "--user", "nobody")
