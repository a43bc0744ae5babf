"""Settings, Workspaces: making, renaming and choosing one."""

import pytest
from django.test import Client

from tests.factories import make_member, make_template, make_user, make_workspace
from workspaces import members
from workspaces.models import AuditEntry, Membership, User, Workspace

pytestmark = pytest.mark.django_db
PAGE = "/settings/workspaces/"


def choose(client: Client, workspace: Workspace) -> int:
    return client.post(f"{PAGE}{workspace.pk}/choose/").status_code


def test_a_shared_workspace_is_made_with_its_owner(signed_in: Client, owner: User) -> None:
    answer = signed_in.post(PAGE, {"name": " Together "}, follow=True)
    made = Workspace.objects.get(name="Together")
    assert answer.redirect_chain[-1][0] == f"/settings/members/?workspace={made.pk}"
    assert made.personal_of is None
    assert Membership.objects.get(workspace=made).role == Membership.Role.OWNER
    assert AuditEntry.objects.filter(workspace=made, action="create", who=owner).count() == 1
    assert "you work in it now" in answer.text


def test_it_needs_a_name_and_there_are_so_many(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = signed_in.post(PAGE, {"name": " "})
    assert (answer.status_code, "give the workspace a name" in answer.text) == (422, True)
    monkeypatch.setattr(members, "MOST_WORKSPACES", 1)
    assert "in 1 workspaces already" in signed_in.post(PAGE, {"name": "Another"}).text


def test_owners_rename(signed_in: Client, owner: User) -> None:
    home = owner.personal_workspace()
    answer = signed_in.post(f"{PAGE}{home.pk}/", {"name": "Bank <b>"}, follow=True)
    assert "Bank &lt;b&gt;" in answer.text
    entry = AuditEntry.objects.get(action="rename")
    assert (entry.before, entry.after) == ({"name": "owner's workspace"}, {"name": "Bank <b>"})
    signed_in.post(f"{PAGE}{home.pk}/", {"name": "Bank <b>"})
    assert AuditEntry.objects.filter(action="rename").count() == 1
    assert "needs a name" in signed_in.post(f"{PAGE}{home.pk}/", {"name": ""}, follow=True).text


def test_others_do_not(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    assert signed_in.post(f"{PAGE}{shared.pk}/", {"name": "x"}).status_code == 404
    assert choose(signed_in, shared) == 404
    make_member(workspace=shared, user=owner, role=Membership.Role.EDITOR)
    assert signed_in.post(f"{PAGE}{shared.pk}/", {"name": "x"}).status_code == 403
    assert f'action="{PAGE}{shared.pk}/"' not in signed_in.get(PAGE).text


def test_what_is_made_goes_into_the_chosen_one(signed_in: Client, owner: User) -> None:
    shared = make_workspace(name="Together", owner=owner)
    assert "Work in another workspace" in signed_in.get(PAGE).text
    assert choose(signed_in, shared) == 302
    assert "What you make goes into this workspace" in signed_in.get("/").text
    assert "Workspace <strong>Together</strong>" in signed_in.get("/settings/terms/").text
    body = {"name": "terse", "kind": "tone"}
    assert signed_in.post("/api/options", body, content_type="application/json").status_code == 201
    assert owner.personal_workspace().pk != shared.pk
    make_template(workspace=shared, name="Ours")
    assert "Ours" in signed_in.get("/batches/new/matrix/").text


def test_a_chosen_one_in_which_one_only_looks_takes_nothing(signed_in: Client, owner: User) -> None:
    shared = make_workspace(name="Together", owner=make_user())
    mine = make_member(workspace=shared, user=owner, role=Membership.Role.VIEWER)
    choose(signed_in, shared)
    for path in ("/", "/batches/new/csv/", "/scenarios/import/", "/settings/audit/"):
        assert signed_in.get(path).status_code == 200, path
    assert "What you make goes into" not in signed_in.get("/").text
    mine.delete()
    for path in ("/", "/settings/terms/", PAGE):
        assert signed_in.get(path).status_code == 200, path
    assert "Together" not in signed_in.get("/settings/terms/").text


def test_who_has_one_workspace_is_not_asked(signed_in: Client) -> None:
    assert "Work in another workspace" not in signed_in.get("/").text
