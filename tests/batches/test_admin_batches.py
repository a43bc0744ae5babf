"""Batches in the admin: pause, resume and cancel through the verbs, told row by row."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from batches.models import BatchJob
from batches.models.states import ItemStatus, JobStatus
from tests.factories import make_item, make_job, make_log, make_member, make_user, make_workspace
from workspaces.models import Membership

LIST = "/admin/batches/batchjob/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(make_user(superuser=True))
    return client


def act(client: Client, action: str, *jobs: BatchJob, **extra: Any) -> list[str]:
    body = {"action": action, "_selected_action": [str(job.pk) for job in jobs], **extra}
    response = client.post(LIST, body, follow=True)
    return [str(message) for message in response.context["messages"]]


def status_of(job: BatchJob) -> str:
    job.refresh_from_db()
    return job.status


def test_lists_show_money_exactly_without_a_tail_of_zeros(boss: Client) -> None:
    job = make_job(items=1, spent=Decimal("0.438046"), budget_usd=Decimal(50))
    make_log(item=job.items.get(), cost_usd=Decimal("0.0150825"))
    assert {"$0.438046", "$50.00"} <= set(cells(boss.get(LIST).text))
    assert "$0.0150825" in cells(boss.get("/admin/batches/generationlog/").text)


def cells(page: str) -> list[str]:
    return [found.strip() for found in re.findall(r">([^<>]+)<", page)]


def test_pause_resume_cancel(boss: Client) -> None:
    job = make_job(items=2)
    for action, said, status in (
        ("pause", "1 paused.", JobStatus.PAUSED),
        ("resume", "1 resumed.", JobStatus.PROCESSING),
        ("cancel", "1 cancelled.", JobStatus.CANCELLED),
    ):
        assert act(boss, action, job) == [said]
        assert status_of(job) == status
    assert set(job.items.values_list("status", flat=True)) == {ItemStatus.CANCELLED}


def test_what_cannot_move_is_told(boss: Client) -> None:
    done, running = make_job(status=JobStatus.COMPLETED), make_job()
    assert act(boss, "pause", done, running) == [
        "1 paused, 1 skipped: This batch is completed: it cannot be paused."
    ]
    assert status_of(done) == JobStatus.COMPLETED


@pytest.mark.parametrize(
    ("role", "moves"), [("owner", True), ("editor", True), ("reviewer", False), ("viewer", False)]
)
def test_staff_move_as_their_role_allows(role: str, moves: bool) -> None:
    user = make_user(staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_batchjob"))
    workspace = make_workspace()
    make_member(workspace=workspace, user=user, role=Membership.Role(role))
    client = Client()
    client.force_login(user)
    mine, foreign = make_job(workspace=workspace), make_job()
    act(client, "pause", mine, foreign)
    assert (status_of(mine) == JobStatus.PAUSED) is moves
    assert status_of(foreign) == JobStatus.QUEUED


def test_looking_is_not_moving() -> None:
    user = make_user(staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_batchjob"))
    client = Client()
    client.force_login(user)
    job = make_job(by=user)
    act(client, "cancel", job)
    assert status_of(job) == JobStatus.QUEUED


def test_deleting_is_no_action(boss: Client) -> None:
    job = make_job()
    act(boss, "delete_selected", job, post="yes")
    assert BatchJob.objects.filter(pk=job.pk).exists()


def test_the_page_leads_to_the_jobs_own_rows(boss: Client) -> None:
    job, other = make_job(items=2), make_job(items=1)
    make_log(item=job.items.all()[0])
    make_log(item=other.items.all()[0])
    html = boss.get(f"{LIST}{job.pk}/change/").content.decode()
    for table, count in (("batchitem", 2), ("generationlog", 1)):
        path = f"/admin/batches/{table}/?job__id__exact={job.pk}"
        assert path in html
        assert boss.get(path).context["cl"].result_count == count


def test_an_item_that_is_under_way_opens(boss: Client) -> None:
    item = make_item(status=ItemStatus.PROCESSING, parameters={"topic": "<b>"}, error_message="odd \u2028")
    response = boss.get(f"/admin/batches/batchitem/{item.pk}/change/")
    assert response.status_code == 200
    assert "&lt;b&gt;" in response.content.decode()
