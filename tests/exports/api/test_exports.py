"""/api/exports: start, follow, check, download, write again, cancel."""

from typing import Any

import pytest
from django.test import Client

from conversations.states import Status
from exports.models import Export
from tests.exports.conftest import Exporting, run_again
from tests.factories import make_conversation, make_member, make_token, make_user
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def post(caller: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    return caller.post(path, body or {}, content_type="application/json")


def approve(owner: User, count: int, **fields: Any) -> None:
    for number in range(count):
        make_conversation(by=owner, status=Status.APPROVED, turns=[f"Hello {number}?", "Hi."], **fields)


def test_from_the_start_to_the_download(caller: Client, owner: User) -> None:
    approve(owner, 3, title="Rent")
    approve(owner, 1, title="Buy")
    body = {"name": "Mine", "format": "shareGPT", "filter": {"search": "rent", "createdFrom": "2020-01-01"}}
    answer = post(caller, "/api/exports", body)
    assert answer.status_code == 202, answer.json()
    found = answer.json()["export"]
    assert answer["Location"].rstrip("/") == f"/api/exports/{found['id']}"
    assert (found["status"], found["format"], found["files"]) == ("queued", "sharegpt", [])
    run_again(Export.objects.get())
    whole = caller.get(answer["Location"]).json()["export"]
    assert (whole["status"], whole["counts"]["items"], whole["changedSince"]) == ("completed", 3, 0)
    assert whole["filter"] == "created_from=2020-01-01&q=rent"
    assert whole["manifest"]["files"][0]["sha256"] == whole["files"][0]["sha256"]
    file = caller.get(f"/api/exports/{found['id']}/download")
    assert file["Content-Disposition"] == 'attachment; filename="mine-sharegpt.jsonl"'
    assert len(file.getvalue().splitlines()) == 3
    assert caller.get("/api/exports").json()["total"] == 1
    report = caller.get(f"/api/exports/{found['id']}/preflight").json()["preflight"]
    assert report["findings"][0]["rule"] == "too_few"
    assert post(caller, f"/api/exports/{found['id']}/recreate").status_code == 202
    assert post(caller, f"/api/exports/{found['id']}/cancel").json()["export"]["status"] == "completed"
    assert post(caller, f"/api/exports/{found['id']}/cancel").status_code == 409


def test_of_several_files_one_is_chosen(caller: Client, owner: User, export: Exporting) -> None:
    approve(owner, 40)
    made = export(validation_percent=40, seed=3)
    answer = caller.get(f"/api/exports/{made.pk}/download")
    assert answer.status_code == 400
    assert "2: my-data-validation.jsonl" in answer.json()["error"]
    chosen = caller.get(f"/api/exports/{made.pk}/download?file=2")
    assert len(chosen.getvalue().splitlines()) == made.files[1]["rows"]


def test_it_waits_after_the_check_when_asked_to(caller: Client, owner: User) -> None:
    approve(owner, 1)
    made = post(caller, "/api/exports", {"pauseOnWarnings": True}).json()["export"]
    run_again(Export.objects.get())
    answer = caller.get(f"/api/exports/{made['id']}/preflight").json()
    assert (answer["status"], answer["preflight"]["blocked"]) == ("checked", False)
    assert post(caller, f"/api/exports/{made['id']}/write").status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "word"}, "format"),
        ({"validationPercent": 50, "testPercent": 50}, "testPercent"),
        ({"format": "csv", "trainFlags": "weight"}, "trainFlags"),
        ({"since": "7f0e5e0e-0000-4000-8000-000000000000"}, "since"),
        ({"filter": {"undecided": False}}, "filter.undecided"),
        ({"ids": []}, "ids"),
        ({"approved": True}, "approved"),
    ],
)
def test_what_cannot_be_done_is_told(caller: Client, body: dict[str, Any], field: str) -> None:
    answer = post(caller, "/api/exports", body)
    assert answer.status_code == 400
    assert field.split(".")[0] in str(answer.json())


def test_a_viewer_starts_none(caller: Client, owner: User) -> None:
    home = make_user().personal_workspace()
    make_member(workspace=home, user=owner, role=Membership.Role.VIEWER)
    assert post(caller, "/api/exports", {"workspaceId": str(home.pk)}).status_code == 403
    other = make_user().personal_workspace()
    assert post(caller, "/api/exports", {"workspaceId": str(other.pk)}).status_code == 404
