"""The pages of an import, and of reviews from a file."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from conversations.models import Conversation
from exports.importing.reading import read_file
from exports.models import ImportedFile
from tests.factories import (
    TALK,
    make_conversation,
    make_imported_file,
    make_member,
    make_template,
    make_workspace,
)
from tests.support.background import run_open_jobs
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]


def choose(content: bytes, name: str = "talks.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_from_the_upload_to_the_review(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), name="Arc")
    page = client.get("/imports/new/").text
    assert "Sample file" in page
    assert "conversation_id" in page
    assert f'value="{template.pk}"' in page
    bad = b'{"messages": [{"role": "assistant", "content": "Hi"}]}\n' * 61
    sent = {"file": choose(TALK + bad), "tier": "scenario", "persona": "Nurse"}
    answer = client.post("/imports/new/", sent)
    assert answer.status_code == 302
    preview = client.get(answer["Location"])
    assert "61 rows (2 to 62)" in preview.text
    assert "Understood as messages" in preview.text
    assert "1 without a persona: Nurse" in preview.text
    assert not Conversation.objects.exists()
    assert client.post(answer["Location"]).status_code == 302
    assert 'hx-trigger="every 1s' in client.get(answer["Location"]).text
    run_open_jobs()
    made = Conversation.objects.get()
    report = client.get(answer["Location"]).text
    assert f"/review/?import_job={made.import_job_id}" in report
    assert "every 1s" not in report
    first = client.get(f"/review/?import_job={made.import_job_id}")
    assert str(made.pk) in first["Location"]
    listed = client.get(f"/conversations/?import_job={made.import_job_id}").text
    assert "One import" in listed


def test_what_is_there_and_what_is_changed_is_asked_about(client: Client, owner: User) -> None:
    known = make_conversation(by=owner, conversation_id="fp_a_001", turns=["Other?", "Other."])
    row = TALK[:-2] + f', "id": "{known.conversation_id}"}}\n'.encode()
    answer = client.post("/imports/new/", {"file": choose(row + row), "tier": "template"})
    page = client.get(answer["Location"]).text
    assert "Known id, other text (1)" in page
    assert "Already there (1): import once more" in page
    client.post(answer["Location"], {"as_versions": "1"})
    run_open_jobs()
    assert Conversation.objects.get(is_head=True).version == 2


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"foo,bar\n1,2\n", "conversation_id"), (None, "Choose a file")]
)
def test_a_file_that_cannot_be_read(client: Client, content: bytes | None, words: str) -> None:
    sent = {"tier": "template", **({} if content is None else {"file": choose(content)})}
    answer = client.post("/imports/new/", sent)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_wrong_choice_is_named(client: Client) -> None:
    answer = client.post("/imports/new/", {"file": choose(TALK), "tier": "gold"})
    assert answer.status_code == 422
    assert "gold" in answer.text


def test_a_file_without_a_readable_row_is_not_imported(client: Client) -> None:
    answer = client.post("/imports/new/", {"file": choose(b'{"messages": []}'), "tier": "template"})
    assert "cannot be imported" in client.get(answer["Location"]).text
    assert client.post(answer["Location"])["Location"] == "/imports/new/"
    assert ImportedFile.objects.get().job is None


def test_only_editors(client: Client, owner: User) -> None:
    place = make_workspace()
    make_member(workspace=place, user=owner, role=Membership.Role.REVIEWER)
    assert client.get(f"/imports/new/?workspace={place.pk}").status_code == 403
    mine = make_imported_file(by=owner, workspace=place)
    assert client.post(f"/imports/{mine.pk}/").status_code == 403
    assert client.get(f"/imports/{make_imported_file().pk}/").status_code == 404


def test_the_sample_can_be_imported(client: Client) -> None:
    found = read_file(client.get("/imports/sample/").content)
    assert (len(found.conversations), found.problems, found.repairs, found.notes) == (2, [], [], [])


def test_reviews_go_out_and_come_back(
    client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made = make_conversation(by=owner, turns=["Hi?", "Hello."])
    assert "/reviews/sheet/?workspace=" in client.get("/reviews/new/").text
    filtered = client.get("/reviews/new/?status=approved&page=2").text
    assert "&amp;status=approved" in filtered
    content = client.get("/reviews/sheet/?undecided=on").getvalue()
    assert made.conversation_id in content.decode()
    back = f"conversation_id,version,revision,decision,reviewer\n{made.conversation_id},1,0,approve,Ann\nx,1,0,approve,\n"
    answer = client.post("/reviews/new/", {"file": choose(back.encode(), "back.csv")})
    with django_assert_max_num_queries(12):  # session, user, workspaces, the file, and what the menu counts
        page = client.get(answer["Location"]).text
    assert "Apply 1 row" in page
    assert "No conversation of this workspace" in page
    client.post(answer["Location"])
    run_open_jobs()
    made.refresh_from_db()
    assert made.status == "approved"
    assert "Rows that were not applied" in client.get(answer["Location"]).text
    assert client.post("/reviews/new/", {}).status_code == 422
