"""The pages of exports: the list, the form with its number, the check, the files, and what is done there."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from conversations.models import Conversation
from conversations.states import Status
from exports.models import Export
from tests.exports.conftest import Exporting, run_again
from tests.factories import make_conversation, make_export, make_member, make_user, make_workspace
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
NEW = "/exports/new/"
COUNT = {"HX-Request": "true", "HX-Target": "div#count"}


def approve(owner: User, **fields: Any) -> Conversation:
    number = Conversation.objects.count()
    return make_conversation(by=owner, status=Status.APPROVED, turns=[f"Hello {number}?", "Hi."], **fields)


def fill_in(**choices: Any) -> dict[str, Any]:
    plain = {"name": "My data", "format": "messages", "approved_only": "on", "system": "on", "seed": 1}
    return {**plain, "validation_percent": 0, "test_percent": 0, **choices}


def read(response: Any) -> bytes:
    content: bytes = response.getvalue()
    return content


def ask(client: Client, path: str) -> int:
    """The status of the answer. A file is read to its end, as a browser does."""
    response = client.get(path)
    if response.streaming:
        read(response)
    return response.status_code


def test_from_the_form_to_the_file(client: Client, owner: User) -> None:
    for _ in range(12):
        approve(owner)
    page = client.get(NEW)
    assert page.status_code == 200
    assert '<strong class="num">12</strong>' in page.text
    assert "to fix" not in page.text
    answer = client.post(NEW, fill_in())
    made = Export.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/exports/{made.pk}/")
    page = client.get(f"/exports/{made.pk}/")
    assert "Waiting for a worker" in page.text
    assert 'hx-trigger="every 1s' in page.text
    made = run_again(made)
    page = client.get(f"/exports/{made.pk}/")
    assert "my-data.jsonl" in page.text
    assert "data-poll" not in page.text.partition('id="live"')[2].partition("</main>")[0]
    response = client.get(f"/exports/{made.pk}/files/1/")
    assert response["Content-Disposition"] == 'attachment; filename="my-data.jsonl"'
    assert response["Cache-Control"] == "private, no-store"
    content = read(response)
    assert hashlib.sha256(content).hexdigest() == made.files[0]["sha256"]
    assert client.get(f"/exports/{made.pk}/manifest/").json()["files"][0]["rows"] == 12
    assert client.get(f"/exports/{made.pk}/files/2/").status_code == 404


def test_the_number_follows_the_form(client: Client, owner: User) -> None:
    approve(owner)
    approve(owner, simulated=True)
    make_conversation(by=owner, status=Status.GENERATED)
    for choices, count in (({}, 1), ({"simulated": "on"}, 2), ({"simulated": "on", "approved_only": ""}, 3)):
        answer = client.post(NEW, fill_in(**choices), headers=COUNT)
        assert f'<strong class="num">{count}</strong>' in answer.text
    assert not Export.objects.exists()


def test_the_filter_and_the_ticks_of_the_list_come_along(client: Client, owner: User) -> None:
    first = approve(owner, title="Rent")
    approve(owner, title="Buy")
    page = client.get(f"{NEW}?q=rent&sort=created")
    assert "“rent”" in page.text
    assert '<strong class="num">1</strong>' in page.text
    answer = client.post("/conversations/bulk/", {"action": "export", "id": f"{first.pk}:0"})
    assert answer["Location"] == f"{NEW}?{urlencode({'id': first.pk})}"
    assert "1 ticked" in client.get(answer["Location"]).text
    client.post(NEW, fill_in(filter="q=rent", id=[str(first.pk)]))
    made = run_again(Export.objects.get())
    assert (made.chosen, made.filter, made.item_count) == ([str(first.pk)], "q=rent", 1)


def test_simulated_ones_are_chosen_where_there_are_no_others(client: Client, owner: User) -> None:
    approve(owner, simulated=True)
    assert client.get(NEW).context["form"]["simulated"].value() is True


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"name": ""}, "Name: This field is required."),
        ({"validation_percent": 60, "test_percent": 60}, "Leave at least 10 for training"),
        ({"format": "csv", "train_flags": "weight"}, "This format has no such flag. These have it: Messages"),
        ({"since": "7f0e5e0e-0000-4000-8000-000000000000"}, "Only what is new since"),
    ],
)
def test_what_cannot_be_done_is_told(client: Client, choices: dict[str, Any], words: str) -> None:
    answer = client.post(NEW, fill_in(**choices))
    assert answer.status_code == 422
    assert words in answer.text


def test_the_splits_stand_in_their_order(client: Client, owner: User) -> None:
    splits = {"test": 3, "train": 22, "validation": 5}
    made = make_export(by=owner, counts={"items": 30, "splits": splits})
    page = client.get(f"/exports/{made.pk}/")
    assert page.context["splits"] == [("train", 22), ("validation", 5), ("test", 3)]


def test_the_check_is_shown_before_anything_is_written(client: Client, owner: User) -> None:
    approve(owner, simulated=True)
    answer = client.post(NEW, fill_in(simulated="on"))
    made = run_again(Export.objects.get())
    page = client.get(answer["Location"]).text
    assert "Worth a look" in page
    assert f'href="/conversations/{made.items.get().conversation_id}/"' in page
    client.post(f"/exports/{made.pk}/write/")
    made = run_again(made)
    assert "my-data-simulated.jsonl" in client.get(answer["Location"]).text


def test_changed_removed_and_written_again(
    client: Client, owner: User, export: Exporting, files_in: Path
) -> None:
    made, other = approve(owner), approve(owner)
    found = export()
    other.reject(by=owner)
    assert "1 changed since" in client.get(f"/exports/{found.pk}/").text
    next(files_in.rglob("*.jsonl")).unlink()
    assert ask(client, f"/exports/{found.pk}/files/1/") == 404
    client.post(f"/exports/{found.pk}/recreate/")
    run_again(found)
    assert ask(client, f"/exports/{found.pk}/files/1/") == 200
    made.delete()
    assert ask(client, f"/exports/{found.pk}/files/1/") == 404
    assert "deleted for good" in client.get(f"/exports/{found.pk}/").text


def test_cancelled_while_it_waits(client: Client, owner: User) -> None:
    approve(owner)
    made = client.post(NEW, fill_in())["Location"]
    client.post(f"{made}cancel/")
    assert "Cancelled" in client.get(made).text
    assert client.post(f"{made}cancel/", follow=True).status_code == 200


def test_the_list_takes_few_queries(client: Client, owner: User, django_assert_max_num_queries: Any) -> None:
    assert "No exports yet" in client.get("/exports/").text
    for number in range(20):
        make_export(by=owner, name=f"Export {number}")
    # Session, person, roles, the numbers of the menu and of the strip, the count, the keys and the rows.
    with django_assert_max_num_queries(16):
        page = client.get("/exports/")
    assert "Export 19" in page.text


def test_members_download_and_nobody_else(client: Client, owner: User, export: Exporting) -> None:
    approve(owner)
    made = export()
    viewer, stranger = make_user(), make_user()
    make_member(workspace=owner.personal_workspace(), user=viewer, role=Membership.Role.VIEWER)
    paths = [f"/exports/{made.pk}/", f"/exports/{made.pk}/files/1/", f"/exports/{made.pk}/manifest/"]
    client.force_login(viewer)
    assert [ask(client, path) for path in paths] == [200, 200, 200]
    assert client.post(f"/exports/{made.pk}/recreate/").status_code == 403
    assert client.get(f"{NEW}?workspace={made.workspace_id}").status_code == 403
    client.force_login(stranger)
    assert [ask(client, path) for path in paths] == [404, 404, 404]


def test_ticks_of_another_workspace_lead_there(client: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.REVIEWER)
    found = make_conversation(workspace=shared, status=Status.APPROVED)
    answer = client.get(f"{NEW}?id={found.pk}")
    assert answer["Location"] == f"{NEW}?id={found.pk}&workspace={shared.pk}"
    assert reverse("export_new") == NEW
