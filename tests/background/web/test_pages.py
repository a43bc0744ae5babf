"""The list of background jobs and the page of one."""

from typing import Any

import pytest
from django.test import Client

from background.models import BackgroundJob
from background.states import JobState
from tests.factories import make_background_job, make_member, make_user, make_workspace
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
LIST = "/background-jobs/"


def test_the_list(signed_in: Client, owner: User, django_assert_max_num_queries: Any) -> None:
    assert "No background jobs yet" in signed_in.get(LIST).content.decode()
    for number in range(3):
        make_background_job(by=owner, name=f"Score {number} again", total=2000, done=1000)
    make_background_job(by=make_user(), name="Somebody else's")
    with django_assert_max_num_queries(14):
        page = signed_in.get(LIST).content.decode()
    assert page.count("1,000 of 2,000") == 3
    assert "Score 2 again" in page
    assert "Somebody else" not in page
    assert 'id="poll"' in page, "it is renewed while one is open"
    BackgroundJob.objects.update(status=JobState.COMPLETED)
    assert 'id="poll"' not in signed_in.get(LIST).content.decode()


def test_one_that_runs_is_renewed_and_can_be_cancelled(signed_in: Client, owner: User) -> None:
    job = make_background_job(by=owner, name="Score again", total=4, done=1, result={"moved": 1})
    page = signed_in.get(job.get_absolute_url()).content.decode()
    assert 'value="25"' in page
    assert "1 of 4" in page
    assert "Moved" in page
    assert 'id="poll"' in page
    part = signed_in.get(
        job.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "section#live"}
    ).content.decode()
    assert "<h1>" in part
    assert "<nav" not in part
    after = signed_in.post(f"{job.get_absolute_url()}cancel/", follow=True).content.decode()
    assert "Cancelled" in after
    assert "What was done stays done." in after
    assert 'id="poll"' not in after
    assert f"{job.get_absolute_url()}cancel/" not in after


def test_one_that_failed_says_why(signed_in: Client, owner: User) -> None:
    job = make_background_job(by=owner, status=JobState.FAILED, error="It broke off 5 times in a row.")
    assert "It broke off 5 times" in signed_in.get(job.get_absolute_url()).content.decode()
    answer = signed_in.post(f"{job.get_absolute_url()}cancel/", follow=True).content.decode()
    assert "This background job is failed: it cannot be cancelled." in answer


def test_who_may_only_look_sees_no_button(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.VIEWER)
    job = make_background_job(workspace=shared)
    page = signed_in.get(job.get_absolute_url())
    assert page.status_code == 200
    assert "cancel/" not in page.content.decode()
    assert signed_in.post(f"{job.get_absolute_url()}cancel/").status_code == 403
