"""Who may see and change what in the admin."""

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from batches.models import BatchJob
from templates_app.models import PromptTemplate
from tests import factories
from tests.workspaces.admin_urls import page
from workspaces.models import User, Workspace

pytestmark = pytest.mark.django_db


def test_strangers_are_sent_to_the_sign_in_page() -> None:
    response = Client().get(page(BatchJob, "changelist"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("sign_in"))
    guest = Client()
    guest.force_login(factories.make_user())
    assert guest.get(page(BatchJob, "changelist"), follow=True).status_code == 403


def staff(*permissions: str) -> tuple[Client, User]:
    user = factories.make_user(staff=True)
    for name in permissions:
        app, _, codename = name.partition(".")
        user.user_permissions.add(
            apps.get_model("auth", "Permission").objects.get(content_type__app_label=app, codename=codename)
        )
    client = Client()
    client.force_login(user)
    return client, user


def test_staff_see_the_rows_of_their_own_workspaces() -> None:
    client, user = staff("batches.view_batchjob", "workspaces.view_workspace")
    mine, foreign = factories.make_job(by=user), factories.make_job()
    shown = client.get(page(BatchJob, "changelist")).context["cl"].result_list
    assert [job.pk for job in shown] == [mine.pk]
    assert client.get(page(BatchJob, "change", mine.pk)).status_code == 200
    assert client.get(page(BatchJob, "change", foreign.pk)).status_code == 302
    listed = client.get(page(Workspace, "changelist")).context["cl"].result_list
    assert list(listed) == [user.personal_workspace()]


def test_staff_cannot_put_rows_into_foreign_workspaces() -> None:
    client, user = staff(
        "templates_app.add_prompttemplate", "templates_app.view_prompttemplate", "workspaces.view_workspace"
    )
    foreign = factories.make_workspace()
    empty = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    for workspace, made in ((foreign, False), (user.personal_workspace(), True)):
        body = {"name": "Mine", "tier": "template", "workspace": str(workspace.pk), **empty}
        client.post(page(PromptTemplate, "add"), body)
        assert PromptTemplate.objects.filter(workspace=workspace).exists() is made


def test_staff_cannot_make_themselves_superusers() -> None:
    client, user = staff("workspaces.change_user", "workspaces.view_user")
    body = {"username": user.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(page(User, "change", user.pk), body).status_code == 302
    user.refresh_from_db()
    assert not user.is_superuser
    boss = factories.make_user(superuser=True, password="correct horse battery")
    factories.make_member(
        workspace=user.personal_workspace(), user=boss
    )  # or the page would not show them at all
    assert client.post(page(User, "change", boss.pk), body).status_code == 403
    change_password = reverse("admin:auth_user_password_change", args=[boss.pk])
    assert client.get(change_password).status_code == 403


def test_a_new_person_can_be_added(boss: Client) -> None:
    body = {"username": "fresh", "usable_password": "false", "password1": "", "password2": ""}
    assert boss.post(page(User, "add"), body).status_code == 302
    assert User.objects.get(username="fresh").personal_workspace().personal_of
