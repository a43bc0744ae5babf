"""The job that pushes an export, its pages and its API. In place of the process that sends stands a short script."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from background.actions import cancel_job
from background.models import BackgroundJob
from conversations.states import Status
from exports.models import Export, HubToken
from exports.pushing import kinds, sending
from exports.pushing.actions import CannotPush, enter_token, push_export
from lib.stale_state import StaleState
from tests.exports.conftest import Exporting
from tests.factories import make_conversation, make_member, make_token, make_user
from tests.support.background import run
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db
TOKEN = "hf_" + "secretOfTheWorkspace"
# Says what it was asked, as the Hub would answer it, and writes what it was asked beside.
SENDS = """
import json, pathlib, sys
asked = json.loads(sys.stdin.readline())
root = pathlib.Path(asked["folder"])
asked["files"] = sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))
pathlib.Path({asked!r}).write_text(json.dumps(asked))
url = "https://huggingface.co/datasets/me/data"
print(json.dumps(dict(repository="me/data", private=asked["private"], url=url, commit="c0ffee", commit_url=url + "/commit/c0ffee")))
"""
WAITS = "import os, pathlib, sys; pathlib.Path({asked!r}).write_text(str(os.getpid())); sys.stdin.readline(); sys.stdin.read()"
REFUSES = "import json; print(json.dumps(dict(failed='other', kind='Odd', said='no, Bearer {token}')))"
BREAKS = "import sys; sys.exit('{token} was in the way')"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the script writes what it was asked."""
    monkeypatch.setattr("exports.pushing.hub.is_available", lambda: True)
    place = tmp_path / "asked"
    play(monkeypatch, SENDS, asked=str(place))
    return place


def play(monkeypatch: pytest.MonkeyPatch, script: str, **values: str) -> None:
    monkeypatch.setattr(sending, "COMMAND", [sys.executable, "-c", script.format(**values)])


@pytest.fixture
def made(owner: User, export: Exporting, asked: Path) -> Export:
    """A written folder, in a workspace with a token."""
    enter_token(workspace=owner.personal_workspace(), token=TOKEN, by=owner)
    make_conversation(by=owner, status=Status.APPROVED, turns=["Hello?", "Hi."])
    return export(format="folder")


def start(made: Export, owner: User, *, public: bool = False) -> BackgroundJob:
    job = push_export(made, repository="me/data", public=public, by=owner).push_job
    assert job is not None
    return job


def push(made: Export, owner: User) -> BackgroundJob:
    job = run(start(made, owner))
    made.refresh_from_db()
    return job


def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def ask(made: Export, by: User, **body: Any) -> Any:
    return caller(by).post(f"/api/exports/{made.pk}/push", body, content_type="application/json")


def test_from_the_page_to_the_commit(made: Export, owner: User, client: Client, asked: Path) -> None:
    client.force_login(owner)
    page = f"/exports/{made.pk}/push/"
    assert page in client.get(f"/exports/{made.pk}/").text
    assert 'value="my-data"' in client.get(page).text
    answer = client.post(page, {"repository": "https://huggingface.co/datasets/me/data"})
    assert (answer.status_code, answer["Location"]) == (302, f"/exports/{made.pk}/")
    assert "Pushing to the Hub" in client.get(f"/exports/{made.pk}/").text
    made.refresh_from_db()
    assert made.push_job is not None
    job = run(made.push_job)
    assert (job.status, job.done, job.total, job.error) == ("completed", 2, 2, "")
    assert job.describe_end().sentence == "Finished: pushed to me/data."
    given = asked.read_text()
    assert '"private": true' in given
    assert '"files": ["README.md", "data/train-00000-of-00001' in given
    shown = client.get(f"/exports/{made.pk}/").text
    assert "https://huggingface.co/datasets/me/data/commit/c0ffee" in shown
    assert "pushed this export to the Hub" in shown
    told = caller(owner).get(f"/api/exports/{made.pk}").json()["export"]["push"]
    assert (told["status"], told["repository"], told["public"]) == ("completed", "me/data", False)


def test_by_the_api(made: Export, owner: User) -> None:
    assert ask(made, owner, repository="a b").status_code == 400
    answer = ask(made, owner, repository="me/data", public=True)
    assert (answer.status_code, answer.json()["export"]["push"]["status"]) == (202, "queued")
    again = ask(made, owner, repository="me/data")
    assert (again.status_code, "being pushed already" in again.json()["error"]) == (409, True)
    made.refresh_from_db()
    assert made.push_job is not None
    run(made.push_job)
    whole = caller(owner).get(f"/api/exports/{made.pk}").json()["export"]["push"]
    assert (whole["public"], whole["commitUrl"][-6:]) == (True, "c0ffee")


def test_the_token_is_nowhere_but_encrypted(
    made: Export, owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = HubToken.objects.get()
    assert TOKEN not in kept.encrypted_key
    assert kept.read() == TOKEN
    play(monkeypatch, REFUSES, token=TOKEN)
    job = push(made, owner)
    assert "did not take the files (Odd): no, Bearer …" in job.error
    play(monkeypatch, BREAKS, token=TOKEN)
    job = push(made, owner)
    assert "broke off" in job.error
    assert "… was in the way" in caplog.text
    rows = [*BackgroundJob.objects.values(), *AuditEntry.objects.values(), *Export.objects.values()]
    assert TOKEN not in f"{rows}{caplog.text}"


def test_the_process_gets_no_secret_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "DATABASE_URL", "SECRET_KEY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "x")
    found = sending._build_environment("https://huggingface.co", tmp_path)
    assert "x" not in found.values()
    assert found["HF_HOME"].startswith(str(tmp_path))


def test_cancelled_while_it_is_sent_the_process_ends(
    made: Export, owner: User, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, WAITS, asked=str(asked))
    monkeypatch.setattr(sending, "LOOK_EVERY_S", 0.05)
    job, real = start(made, owner), kinds._look

    def cancel_then_look(*given: Any) -> None:
        if asked.exists() and asked.read_text():
            cancel_job(BackgroundJob.objects.get(pk=job.pk), by=owner)
        real(*given)

    monkeypatch.setattr(kinds, "_look", cancel_then_look)
    assert run(job).status == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(int(asked.read_text()), 0)
    made.refresh_from_db()
    assert made.pushed is None


def test_files_that_are_gone(made: Export, owner: User, files_in: Path) -> None:
    job = start(made, owner)
    for path in files_in.rglob("*.zip"):
        path.unlink()
    assert "not there any more" in run(job).error
    job = start(made, owner)
    Export.objects.filter(pk=made.pk).update(removed_at=made.finished_at)
    assert "not there any more" in run(job).error


def test_what_is_missing_is_told(made: Export, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = start(made, owner)
    HubToken.objects.all().delete()
    assert "has no token of the Hub" in run(jobs).error
    with pytest.raises(CannotPush, match="has no token of the Hub"):
        start(made, owner)
    enter_token(workspace=made.workspace, token=TOKEN, by=owner)
    job = start(made, owner)
    monkeypatch.setattr("exports.pushing.hub.is_available", lambda: False)
    assert "requirements-hub.lock" in run(job).error
    with pytest.raises(CannotPush, match=r"requirements-hub\.lock"):
        start(made, owner)
    assert (sending.CHECKOUT / "requirements-hub.lock").exists()


def test_a_token_under_a_lost_key(made: Export, owner: User) -> None:
    HubToken.objects.update(encrypted_key="damaged")
    assert "enters it again" in push(made, owner).error


def test_only_a_written_folder_is_pushed(made: Export, owner: User, export: Exporting) -> None:
    with pytest.raises(CannotPush, match="Dataset folder"):
        start(export(), owner)
    Export.objects.filter(pk=made.pk).update(deleted_at=made.finished_at)
    with pytest.raises(StaleState, match="This export is deleted: it cannot be pushed"):
        start(made, owner)


def test_what_was_pushed_stays_there(made: Export, owner: User, client: Client) -> None:
    push(made, owner)
    Export.objects.filter(pk=made.pk).update(removed_at=made.finished_at, removed_why="Gone.")
    client.force_login(owner)
    assert "The files are still on the Hub" in client.get(f"/exports/{made.pk}/").text


def test_simulated_and_unreviewed_are_told_before(
    owner: User, export: Exporting, client: Client, asked: Path
) -> None:
    enter_token(workspace=owner.personal_workspace(), token=TOKEN, by=owner)
    make_conversation(by=owner, status=Status.GENERATED, simulated=True, turns=["Hello?", "Hi."])
    made = export(format="folder", approved_only=False, simulated=True)
    client.force_login(owner)
    page = client.get(f"/exports/{made.pk}/push/").text
    assert "simulator" in page
    assert "not reviewed by a person" in page


def test_reviewers_may_not_push(made: Export) -> None:
    reviewer = make_user()
    make_member(workspace=made.workspace, user=reviewer, role=Membership.Role.REVIEWER)
    with pytest.raises(PermissionDenied):
        start(made, reviewer)
    signed_in = Client()
    signed_in.force_login(reviewer)
    assert "/push/" not in signed_in.get(f"/exports/{made.pk}/").text
    assert signed_in.get(f"/exports/{made.pk}/push/").status_code == 403
    assert ask(made, reviewer, repository="x").status_code == 403


# --- the token on its page --------------------------------------------------------------------------------


def test_owners_enter_and_remove_the_token(owner: User, client: Client) -> None:
    client.force_login(owner)
    page, home = "/settings/hub/", owner.personal_workspace()
    assert client.post(page, {"token": "two words"}).status_code == 422
    assert client.post(page, {"token": f" {TOKEN}\n"}).status_code == 302
    assert HubToken.objects.get(workspace=home).read() == TOKEN
    shown = client.get(page).text
    assert "A token was entered" in shown
    assert TOKEN not in shown
    client.post(page, {"token": f"{TOKEN}2"})
    assert HubToken.objects.get().read() == f"{TOKEN}2"
    client.post(page, {"action": "remove"})
    assert not HubToken.objects.exists()
    actions = AuditEntry.objects.filter(target_kind="hub_token").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["create", "change", "remove"]


def test_an_editor_sees_that_there_is_one_and_cannot_change_it(owner: User) -> None:
    home, editor, client = owner.personal_workspace(), make_user(), Client()
    make_member(workspace=home, user=editor, role=Membership.Role.EDITOR)
    enter_token(workspace=home, token=TOKEN, by=owner)
    client.force_login(editor)
    page = f"/settings/hub/?workspace={home.pk}"
    assert "Only an owner" in client.get(page).text
    assert client.post("/settings/hub/", {"token": "x", "workspace": str(home.pk)}).status_code == 403
