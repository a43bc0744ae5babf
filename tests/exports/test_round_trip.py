"""An exported file that is imported and exported again has the same bytes, through the database and all jobs."""

import pytest
from django.utils import timezone

from conversations.models import Conversation
from conversations.states import Status
from exports.importing.choices import Choices
from exports.importing.running import start_import
from exports.importing.uploading import upload_file
from exports.models import Export
from exports.running.storing import get_storage
from tests.exports.conftest import Exporting
from tests.exports.importing.test_round_trip import make_texts
from tests.factories import make_conversation, make_template, make_version
from tests.support.background import run
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["messages", "sharegpt"])
def test_the_file_of_an_export_comes_back_to_the_byte(name: str, owner: User, export: Exporting) -> None:
    place = owner.personal_workspace()
    version = make_version(
        template=make_template(workspace=place), training_system_prompt=make_texts(7, 1)[0]
    )
    for number in range(6):
        texts = make_texts(number, 4)
        make_conversation(by=owner, turns=texts, template_version=version if number % 2 else None)
    first = read(approve_all(export, name))
    Conversation.objects.all().delete()
    file = upload_file(first, name="all.jsonl", workspace=place, by=owner, choices=Choices())
    assert run(start_import(file, Choices(), by=owner)).result == {"imported": 6}
    assert read(approve_all(export, name)) == first


def approve_all(export: Exporting, name: str) -> Export:
    """Approve what is there, put it in the order in which it was made, and export it."""
    for row in Conversation.objects.order_by("created_at", "conversation_id"):
        now = timezone.now()
        Conversation.objects.filter(pk=row.pk).update(status=Status.APPROVED, approved_at=now, created_at=now)
    return export(format=name)


def read(made: Export) -> bytes:
    with get_storage().open(made.files[0]["place"], "rb") as stream:
        return bytes(stream.read())
