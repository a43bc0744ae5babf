"""`./run manage export`: the same as on the page, into a folder."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from conversations.states import Status
from exports.models import Export
from tests.factories import make_conversation
from workspaces.models import User

pytestmark = pytest.mark.django_db


def call(folder: Path, *options: str) -> str:
    out, err = StringIO(), StringIO()
    call_command("export", "--out", str(folder), *options, stdout=out, stderr=err)
    return out.getvalue()


def test_the_files_are_copied_and_named(owner: User, tmp_path: Path) -> None:
    for title in ("Rent", "Buy"):
        make_conversation(by=owner, status=Status.APPROVED, title=title, turns=[f"{title}?", "Yes."])
    told = call(tmp_path / "data", "--filter", "q=rent", "--name", "Mine", "--no-system")
    path = tmp_path / "data" / "mine.jsonl"
    assert told.split() == [str(path)]
    assert json.loads(path.read_text())["messages"][0] == {"role": "user", "content": "Rent?"}
    assert [each.name for each in path.parent.iterdir()] == ["mine.jsonl"]
    assert Export.objects.get().filter == "q=rent"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--user", "nobody"), "There is no user nobody"),
        (("--validation", "60", "--test", "60"), "at most 90 percent together"),
        (("--most-per-cell", "0"), "--most-per-cell: give a number from 1"),
        (("--since", "7f0e5e0e-0000-4000-8000-000000000000"), "there is no such export"),
        ((), "Approve some conversations first"),
    ],
)
@pytest.mark.usefixtures("owner")
def test_what_cannot_be_done_is_told(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=words):
        call(tmp_path, *options)
