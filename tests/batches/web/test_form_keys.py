"""The key in a form belongs to this form with these values: it leads to nothing else, and to nothing that is out of sight."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from tests.factories import make_item, make_job, make_member, make_template, make_user, make_workspace
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in", "starter_pack")]
VALUES = {"value-topic": "a pension", "value-persona": "Anxious Investor", "value-emotion": "calm"}


def failed_job(user: User) -> BatchJob:
    job = make_job(by=user, status=JobStatus.COMPLETED, total_items=1, failed_items=1)
    make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout")
    return job


def start_all(**more: str) -> dict[str, str]:
    return {"action": "start", "tier": "edge_case", "idempotency_key": "k", **more}


def check_refused(answer: Any, started: str) -> None:
    assert answer.status_code == 409
    assert "This form was sent before" in answer.text
    assert started in answer.text


def test_pressed_twice_is_pressed_once(client: Client) -> None:
    first, again = client.post("/", start_all()), client.post("/", start_all())
    assert (first.status_code, again["Location"]) == (302, first["Location"])
    assert BatchJob.objects.count() == 1


def test_other_values_are_another_request(client: Client) -> None:
    started = client.post("/", start_all())["Location"]
    check_refused(client.post("/", start_all(name="another")), started)
    assert BatchJob.objects.count() == 1


def test_another_form_is_another_request(client: Client, owner: User) -> None:
    started = client.post("/", start_all())["Location"]
    job, template = failed_job(owner), make_template(workspace=owner.personal_workspace())
    item = job.items.get()
    plan = {"tiers": ["edge_case"], "limit": "4", "idempotency_key": "k"}
    file = SimpleUploadedFile("rows.csv", b"topic\nrent\n")
    for path, sent in (
        (
            "/generate/",
            {"action": "generate", "template": str(template.pk), "idempotency_key": "k", **VALUES},
        ),
        ("/batches/new/starter/", plan),
        ("/batches/new/rows/", {"idempotency_key": "k", "file": file, "template": str(template.pk)}),
        (f"/batches/{job.pk}/retry/", {"budget": "9", "idempotency_key": "k"}),
        (f"/batches/{job.pk}/duplicate/", {"concurrency": "2", "idempotency_key": "k", "action": "start"}),
        (f"/items/{item.pk}/retry/", {"idempotency_key": "k"}),
    ):
        answer = client.post(path, sent)
        assert answer.status_code in (404, 409), path
        if answer.status_code == 409:
            check_refused(answer, started)
    assert BatchJob.objects.count() == 2
    assert not BatchItem.objects.exclude(retried_at=None).exists()


def test_the_key_of_one_batchs_retry_is_not_anothers(client: Client, owner: User) -> None:
    one, other = failed_job(owner), failed_job(owner)
    sent = {"budget": "9", "idempotency_key": "k"}
    assert client.post(f"/batches/{one.pk}/retry/", sent)["Location"] == f"/batches/{one.pk}/"
    check_refused(client.post(f"/batches/{other.pk}/retry/", sent), f"/batches/{one.pk}/")
    assert other.items.get().status == ItemStatus.FAILED


def test_another_file_of_the_same_name_is_another_request(client: Client, owner: User) -> None:
    make_template(workspace=owner.personal_workspace(), name="Plain")

    def send(text: bytes) -> Any:
        given = {"tier": "template", "csv_template": "Plain", "idempotency_key": "k"}
        return client.post("/batches/new/csv/", {**given, "file": SimpleUploadedFile("rows.csv", text)})

    rows = b"topic,persona,emotion\n%s,Nurse,calm\n"
    first = send(rows % b"rent")
    assert first.status_code == 302, first.text
    assert send(rows % b"rent")["Location"] == first["Location"]
    check_refused(send(rows % b"debt"), BatchJob.objects.get().name)


def test_the_keys_of_a_removed_editor_lead_nowhere(client: Client, owner: User) -> None:
    place = make_workspace(owner=make_user())
    make_member(user=owner, workspace=place, role=Membership.Role.EDITOR)
    template = make_template(workspace=place)
    sent = {"action": "generate", "template": str(template.pk), "idempotency_key": "k", **VALUES}
    first = client.post("/generate/", sent)
    assert first.status_code == 302, first.text
    Membership.objects.filter(user=owner, workspace=place).delete()
    assert client.post("/generate/", sent).status_code == 404
    assert client.post("/", start_all()).status_code == 404
    assert BatchJob.objects.count() == 1
