"""A file is stored byte for byte, however many statements that takes."""

import pytest

from exports.models import import_files
from exports.models.import_files import FileKind, ImportedFile
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 250])
def test_a_file_is_stored_in_parts(owner: User, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(import_files, "PART", 100)
    content = bytes(number % 256 for number in range(size))
    stored = ImportedFile.store(
        content, kind=FileKind.CONVERSATIONS, workspace=owner.personal_workspace(), by=owner, name="a.jsonl"
    )
    assert stored.content == content
    assert bytes(ImportedFile.objects.get(pk=stored.pk).content) == content
    assert stored.size == size
