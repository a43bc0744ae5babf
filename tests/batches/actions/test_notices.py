"""Notices: told once, on the pages, and sent signed to a webhook that may be away."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook as Receiving

from background.states import JobState
from batches.actions.jobs import resume
from batches.actions.notices import (
    TRY_AGAIN_MIN,
    body_of,
    change_webhook,
    deliver,
    find_due_workspaces,
    make_notices,
    take_due,
    url_problem,
    words_of,
)
from batches.models import BatchJob, DeliveryState, Notice, Webhook
from batches.models.states import JobKind, JobStatus, Reason
from tests.factories import make_background_job, make_job, make_member, make_user, make_workspace
from workspaces.models import ClockTimestamp, Membership, User

pytestmark = pytest.mark.django_db


class Receiver:
    """An HTTP server that keeps what it is sent and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    found = Receiver()
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=("127.0.0.1",))
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(timeout=10)


def ended(**fields: Any) -> BatchJob:
    return make_job(
        **{"status": JobStatus.COMPLETED, "total_items": 3, "completed_items": 2, "failed_items": 1, **fields}
    )


def take_only_due() -> UUID:
    [workspace_id] = find_due_workspaces()
    found = take_due(workspace_id)
    assert found
    return found


def test_an_end_is_told_once() -> None:
    job = ended()
    assert [make_notices(), make_notices()] == [1, 0]
    notice = Notice.objects.get()
    assert (notice.job, notice.status, notice.workspace) == (job, "completed", job.workspace)
    assert notice.delivery == DeliveryState.NONE


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"status": JobStatus.PAUSED, "reason": Reason.BUDGET}, 1),
        ({"status": JobStatus.PAUSED, "reason": Reason.MONTH_BUDGET}, 1),
        ({"status": JobStatus.FAILED, "reason": Reason.PROVIDER_AUTH}, 1),
        ({"status": JobStatus.PAUSED, "reason": Reason.PERSON}, 0),
        ({"status": JobStatus.PROCESSING}, 0),
        ({"status": JobStatus.CANCELLED}, 0),
        ({"kind": JobKind.SINGLE}, 0),
    ],
)
def test_what_is_told(fields: dict[str, Any], told: int) -> None:
    ended(**fields)
    assert make_notices() == told


def test_a_second_stop_is_told_again() -> None:
    job = ended(status=JobStatus.FAILED, reason=Reason.PROVIDER_AUTH)
    make_notices()
    resume(job, by=None)
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, reason=Reason.PROVIDER_AUTH)
    assert make_notices() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"done": 1200, "total": 1200}, "Finished: 1,200 done."),
        ({"done": 1200, "total": 1200, "result": {"skipped": 3}}, "Finished: 1,197 done, 3 skipped."),
        ({"done": 0, "total": 0}, "Finished."),
        ({"done": 2, "result": {"skipped": "none"}}, "Finished: 2 done."),
        ({"status": JobState.FAILED, "error": "The file is gone."}, "The file is gone."),
        ({"status": JobState.CANCELLED}, None),
        ({"status": JobState.QUEUED}, None),
    ],
)
def test_the_end_of_a_background_job_is_told_once(fields: dict[str, Any], words: str | None) -> None:
    job = make_background_job(**{"kind": "counting", "status": JobState.COMPLETED, **fields})
    assert [make_notices(), make_notices()] == [int(words is not None), 0]
    for notice in Notice.objects.with_job():
        assert (notice.background, notice.workspace, words_of(notice)) == (job, job.workspace, words)
        assert (notice.name, notice.target_url) == (job.name, job.get_absolute_url())


@pytest.mark.parametrize(
    ("kind", "result", "words", "counts"),
    [
        (
            "import",
            {"imported": 10, "new_versions": 1, "already_there": 20, "refused": 2},
            "Finished: 10 conversations imported, 1 new version, 20 already there, 2 rows refused.",
            (11, 2, 13),
        ),
        ("import", {"imported": 1}, "Finished: 1 conversation imported.", (1, 0, 1)),
        (
            "reviews",
            {"approve": 25, "conflicts": 6},
            "Finished: 25 rows applied, 6 not applied.",
            (25, 6, 31),
        ),
        (
            "bulk",
            {"changed": 29, "skipped": 2},
            "Finished: 29 conversations changed, 2 skipped.",
            (29, 2, 31),
        ),
        (
            "rescore",
            {"scored": 31, "changed_scores": 1, "moved": 1},
            "Finished: 31 conversations scored, 1 score changed.",
            (31, 0, 31),
        ),
        (
            "reroute",
            {"moved": 30, "flagged_since_decision": 1},
            "Finished: 30 conversations moved, 1 approved conversation marked.",
            (31, 0, 31),
        ),
        ("remove_export_files", {}, "Finished: the files of 31 exports are removed.", (31, 0, 31)),
        ("from_a_later_version", {}, "Finished: 31 done.", (31, 0, 31)),
    ],
)
def test_each_kind_says_what_a_person_would_count(
    kind: str, result: dict[str, Any], words: str, counts: tuple[int, int, int]
) -> None:
    make_background_job(kind=kind, status=JobState.COMPLETED, done=31, total=31, result=result)
    make_notices()
    notice = Notice.objects.with_job().get()
    assert words_of(notice) == words
    assert (notice.completed_items, notice.failed_items, notice.total_items) == counts


def test_the_body_of_a_background_job() -> None:
    job = make_background_job(kind="counting", status=JobState.COMPLETED, done=4, result={"skipped": 1})
    make_notices()
    about = json.loads(body_of(Notice.objects.get()))
    assert about["type"] == "backgroundJob.completed"
    assert about["data"]["backgroundJobId"] == str(job.pk)
    assert about["data"]["message"] == "Finished: 3 done, 1 skipped."
    assert "jobId" not in about["data"]


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_signed(receiver: Receiver) -> None:
    job = ended(name="R&D “ü”")
    change_webhook(workspace=job.workspace, url=receiver.url, by=None)
    webhook = Webhook.objects.get()
    make_notices()
    notice_id = take_only_due()
    assert take_due(job.workspace_id) is None, "not taken again within a minute"
    assert deliver(notice_id)
    [(headers, body)] = receiver.got
    key = base64.b64decode(webhook.secret().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert Receiving(webhook.secret()).verify(body, headers) == json.loads(body)
    about = json.loads(body)
    assert (about["type"], about["data"]["name"]) == ("batch.completed", "R&D “ü”")
    assert about["data"]["message"] == "Finished: 2 of 3 conversations, 1 failed."
    assert Notice.objects.get().delivery == DeliveryState.DELIVERED
    deliver(notice_id)
    assert len(receiver.got) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_sent_again_later_and_given_up_in_the_end(
    status: int, receiver: Receiver
) -> None:
    job = ended()
    Webhook.objects.create(workspace=job.workspace, url=receiver.url)
    make_notices()
    receiver.status = status
    for _ in range(len(TRY_AGAIN_MIN) + 1):
        Notice.objects.update(next_at=ClockTimestamp())
        assert not deliver(take_only_due())
        assert find_due_workspaces() == []
    notice = Notice.objects.get()
    assert (notice.delivery, notice.attempts) == (DeliveryState.GIVEN_UP, len(TRY_AGAIN_MIN) + 1)
    assert str(status) in notice.delivery_error


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_is_away_is_tried_again(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=("127.0.0.1",))
    job = ended()
    Webhook.objects.create(workspace=job.workspace, url="http://127.0.0.1:9/hook")
    make_notices()
    assert not deliver(take_only_due())
    assert Notice.objects.get().attempts == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/hook",
        "http://hooks.example.com/x",
        "https://hooks.example.com@10.0.0.1/",
        "https://user:pw@hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://hooks.example.com:99999/",
        "https://[::1/",
        "hooks.example.com",
        "https://2130706433/",
        "https://169.254.169.254/latest",
    ],
)
def test_only_allowed_hosts_are_asked(url: str, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, webhook_hosts=("hooks.example.com",))
    assert url_problem(url)
    assert url_problem("https://hooks.example.com/x") is None


def test_the_pages(client: Client, receiver: Receiver) -> None:
    owner: User = make_user()
    client.force_login(owner)
    assert "No notices yet" in client.get("/batches/notices/").content.decode()
    ended(by=owner, name="the big one")
    ended(name="somebody else's")
    make_background_job(by=owner, status=JobState.COMPLETED, name="Score 12 again")
    make_notices()
    assert "2 new notices" in client.get("/batches/").content.decode()
    page = client.get("/batches/notices/").content.decode()
    assert "the big one" in page
    assert "Score 12 again" in page
    assert "somebody else" not in page
    client.post("/batches/notices/seen/")
    assert "new notice" not in client.get("/batches/").content.decode()
    assert Notice.objects.filter(seen_at=None).count() == 1, "the other's is still new to him"


def test_the_webhook_is_an_owners(client: Client, receiver: Receiver) -> None:
    owner: User = make_user()
    client.force_login(owner)
    wrong = client.post("/settings/notices/", {"url": "https://elsewhere.example/"})
    assert wrong.status_code == 422
    assert "LORAPIPE_WEBHOOK_HOSTS" in wrong.content.decode()
    client.post("/settings/notices/", {"url": receiver.url})
    kept = Webhook.objects.get()
    assert kept.secret() in client.get("/settings/notices/").content.decode()
    client.post("/settings/notices/", {"url": receiver.url, "action": "renew"})
    assert Webhook.objects.get().secret() != kept.secret()
    client.post("/settings/notices/", {"url": ""})
    assert not Webhook.objects.exists()
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.EDITOR)
    assert client.post("/settings/notices/", {"url": "", "workspace": str(shared.pk)}).status_code == 403
