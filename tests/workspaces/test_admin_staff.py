"""What staff who are no superusers may do to people, passwords, memberships and tokens: one line for each pair."""

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.workspaces.admin_urls import page
from workspaces.models import ApiToken, Membership, User, Workspace

pytestmark = pytest.mark.django_db

PERMISSIONS = [
    f"{verb}_{model}"
    for verb in ("view", "add", "change", "delete")
    for model in ("user", "membership", "apitoken")
] + ["view_workspace", "change_workspace", "view_signinlink"]


@pytest.fixture
def person() -> User:
    """Staff with every permission over people, and no superuser."""
    user = factories.make_user(username="staff", staff=True)
    found = apps.get_model("auth", "Permission").objects.filter(
        codename__in=PERMISSIONS, content_type__app_label="workspaces"
    )
    assert len(found) == len(PERMISSIONS)
    user.user_permissions.set(found)
    return user


@pytest.fixture
def staff(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def shared(person: User) -> Workspace:
    """A workspace of somebody else in which this person may only look."""
    workspace = factories.make_workspace(owner=factories.make_user(username="boss"))
    factories.make_member(workspace=workspace, user=person, role=Membership.Role.VIEWER)
    return workspace


def names(client: Client, model: type[Any]) -> set[str]:
    return {str(row) for row in client.get(page(model, "changelist")).context["cl"].result_list}


@pytest.mark.parametrize(
    ("whose", "status"),
    [("staff", 200), ("boss", 403), ("stranger", 403)],
    ids=["own", "colleague", "stranger"],
)
def test_the_password_of_another_is_a_superusers(
    staff: Client, shared: Workspace, whose: str, status: int
) -> None:
    factories.make_user(username="stranger")
    user = User.objects.get(username=whose)
    path = reverse("admin:auth_user_password_change", args=[user.pk])
    assert staff.get(path).status_code == status
    body = {
        "password1": "correct horse battery",
        "password2": "correct horse battery",
        "usable_password": "true",
    }
    if status == 403:
        assert staff.post(path, body).status_code == 403
        user.refresh_from_db()
        assert not user.check_password("correct horse battery")


def test_lists_show_the_people_and_keys_of_ones_own_workspaces(
    staff: Client, person: User, shared: Workspace
) -> None:
    stranger = factories.make_user(username="stranger")
    for user in (person, stranger, User.objects.get(username="boss")):
        factories.make_token(user=user, name=f"key of {user.username}")
    assert names(staff, User) == {"staff", "boss"}
    tokens = {row.name for row in staff.get(page(ApiToken, "changelist")).context["cl"].result_list}
    assert tokens == {"key of staff", "key of boss"}


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("editor", False), ("owner", True)])
def test_roles_are_decided_by_owners(
    staff: Client, person: User, shared: Workspace, role: str, may: bool
) -> None:
    mine = Membership.objects.get(workspace=shared, user=person)
    Membership.objects.filter(pk=mine.pk).update(role=role)
    theirs = Membership.objects.get(workspace=shared, user__username="boss")
    body = {"user": str(theirs.user_id), "workspace": str(shared.pk), "role": "viewer"}
    answer = staff.post(page(Membership, "change", theirs.pk), body)
    theirs.refresh_from_db()
    assert (answer.status_code, theirs.role) == ((302, "viewer") if may else (403, "owner"))


def test_a_viewer_does_not_become_an_owner(staff: Client, person: User, shared: Workspace) -> None:
    mine = Membership.objects.get(workspace=shared, user=person)
    body = {"user": str(person.pk), "workspace": str(shared.pk), "role": "owner"}
    assert staff.post(page(Membership, "change", mine.pk), body).status_code == 403
    assert staff.post(page(Membership, "delete", mine.pk), {"post": "yes"}).status_code == 403
    inline = {
        "name": shared.name,
        "id_prefix": "fp",
        "membership_set-TOTAL_FORMS": 1,
        "membership_set-INITIAL_FORMS": 1,
        "membership_set-0-id": str(mine.pk),
        "membership_set-0-workspace": str(shared.pk),
        "membership_set-0-user": str(person.pk),
        "membership_set-0-role": "owner",
    }
    staff.post(page(Workspace, "change", shared.pk), inline)
    mine.refresh_from_db()
    assert mine.role == Membership.Role.VIEWER


def test_nobody_is_put_into_a_workspace_of_others(staff: Client, person: User, shared: Workspace) -> None:
    stranger = factories.make_user()
    factories.make_member(workspace=person.personal_workspace(), user=stranger)
    for workspace, made in ((shared, False), (factories.make_workspace(), False)):
        body = {"user": str(person.pk), "workspace": str(workspace.pk), "role": "owner"}
        staff.post(page(Membership, "add"), body)
        assert Membership.objects.filter(workspace=workspace, user=person, role="owner").exists() is made


def test_a_superuser_may_all_of_it(boss: Client, shared: Workspace) -> None:
    theirs = Membership.objects.get(workspace=shared, user__username="boss")
    body = {"user": str(theirs.user_id), "workspace": str(shared.pk), "role": "viewer"}
    assert boss.post(page(Membership, "change", theirs.pk), body).status_code == 302
    path = reverse("admin:auth_user_password_change", args=[theirs.user_id])
    assert boss.get(path).status_code == 200


def test_the_last_owner_stays_in_the_admin_too(boss: Client) -> None:
    """Neither its page, nor its action, nor the lines of the workspace take the only owner away."""
    shared = factories.make_workspace(owner=factories.make_user())
    member = Membership.objects.get(workspace=shared)
    body = {"user": str(member.user_id), "workspace": str(shared.pk), "role": "viewer"}
    boss.post(page(Membership, "change", member.pk), body)
    assert boss.post(page(Membership, "delete", member.pk), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(member.pk)], "post": "yes"}
    boss.post(page(Membership, "changelist"), chosen)
    line = {"id": str(member.pk), "workspace": str(shared.pk), "user": str(member.user_id), "role": "viewer"}
    lines = {f"membership_set-0-{name}": value for name, value in line.items()}
    numbers = {"membership_set-TOTAL_FORMS": 1, "membership_set-INITIAL_FORMS": 1}
    about = {"name": shared.name, "id_prefix": "fp", "revision_below": "6.0", "review_below": "8.0"}
    answer = boss.post(page(Workspace, "change", shared.pk), {**about, **numbers, **lines})
    assert "A workspace needs an owner." in answer.content.decode()
    member.refresh_from_db()
    assert member.role == Membership.Role.OWNER
