"""The downloads of the web."""

import hashlib
import json

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from batches.models import BatchJob
from batches.models.states import ItemStatus
from conversations.models import Conversation
from tests.factories import make_conversation, make_item, make_job, make_template, make_user, make_version
from workspaces.actions import state_use
from workspaces.models import User
from workspaces.states import Authorisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner: User) -> BatchJob:
    job = make_job(by=owner, total_items=2, completed_items=2, name="My batch")
    for _ in range(2):
        make_conversation(item=make_item(job=job, status=ItemStatus.COMPLETED), simulated=True)
    return job


def body(response: object) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue()


def test_a_batch_is_streamed_as_a_file(client: Client, owner: User, job: BatchJob) -> None:
    client.force_login(owner)
    response = client.get(reverse("batch_download", args=[job.pk]))
    assert response["Content-Type"].startswith("application/jsonl")
    assert (
        f'filename="my_batch_{str(job.pk)[:8]}-simulated-unreviewed.jsonl"' in response["Content-Disposition"]
    )
    assert response["Cache-Control"] == "private, no-store"
    assert len(body(response).splitlines()) == 2


def test_the_manifest_is_of_the_same_bytes(client: Client, owner: User, job: BatchJob) -> None:
    client.force_login(owner)
    content = body(client.get(reverse("batch_download", args=[job.pk])))
    about = json.loads(client.get(reverse("batch_manifest", args=[job.pk])).content)
    assert about["sha256"] == hashlib.sha256(content).hexdigest()
    assert about["simulated"] == {"count": 2, "all": True}


def test_a_download_without_system_messages(client: Client, owner: User, job: BatchJob) -> None:
    client.force_login(owner)
    template = make_template(workspace=job.workspace)
    version = make_version(template=template, training_system_prompt="You are calm.")
    make_conversation(item=make_item(job=job, version=version, status=ItemStatus.COMPLETED))
    address = reverse("batch_download", args=[job.pk])
    assert b'"system"' in body(client.get(address))
    content = body(client.get(f"{address}?system=no"))
    assert b'"system"' not in content
    about = json.loads(client.get(reverse("batch_manifest", args=[job.pk]) + "?system=no").content)
    assert about["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_manifest_says_what_the_conversations_are_for(client: Client, owner: User, job: BatchJob) -> None:
    client.force_login(owner)
    address = reverse("batch_manifest", args=[job.pk])
    unsaid = json.loads(client.get(address).content)["terms"]
    assert "restrict training" in unsaid["notice"]
    assert unsaid["intended_use"] is None
    state_use(
        workspace=job.workspace, purpose="A support bot", authorisation=Authorisation.PERMISSION, by=owner
    )
    said = json.loads(client.get(address).content)["terms"]["intended_use"]
    assert (said["purpose"], said["authorisation"]) == ("A support bot", "permission")
    assert said["stated_by"] == owner.username


def test_one_conversation(client: Client, owner: User, job: BatchJob) -> None:
    client.force_login(owner)
    found = Conversation.objects.filter(batch_item__job=job)[0]
    response = client.get(reverse("conversation_download", args=[found.pk]))
    assert f"{found.conversation_id}-simulated-unreviewed.jsonl" in response["Content-Disposition"]
    assert len(json.loads(response.content)["messages"]) == 4


@pytest.mark.parametrize("name", ["batch_download", "batch_manifest", "conversation_download"])
def test_what_belongs_to_somebody_else_is_not_there(client: Client, job: BatchJob, name: str) -> None:
    key = (
        Conversation.objects.filter(batch_item__job=job)[0].pk if name == "conversation_download" else job.pk
    )
    assert client.get(reverse(name, args=[key])).status_code == 302, "signed out"
    client.force_login(make_user())
    assert client.get(reverse(name, args=[key])).status_code == 404
    assert client.post(reverse(name, args=[key])).status_code in (403, 405)
