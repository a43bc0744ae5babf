"""GET /api/audit: the entries of a workspace for its owners, by the filters of the page."""

from typing import Any

import pytest
from django.test import Client

from tests.factories import make_member, make_token, make_workspace
from workspaces.members import add_member, rename_workspace
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
AUDIT = "/api/audit"


def read(user: User, **query: Any) -> Any:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"}).get(AUDIT, query)


def test_an_owner_reads_who_did_what(owner: User) -> None:
    workspace = make_workspace(owner=owner, name="Ours")
    rename_workspace(workspace, name="Theirs", by=owner)
    answer = read(owner, workspaceId=str(workspace.pk), action="rename").json()
    [entry] = answer["entries"]
    assert (entry["who"], entry["action"], entry["kind"]) == (owner.username, "rename", "workspace")
    assert (entry["before"], entry["after"]) == ({"name": "Ours"}, {"name": "Theirs"})
    assert answer["total"] == 1


def test_without_a_workspace_it_is_the_own_one(owner: User) -> None:
    rename_workspace(owner.personal_workspace(), name="Mine", by=owner)
    assert read(owner, action="rename").json()["total"] == 1


def test_filters_are_checked(owner: User) -> None:
    assert read(owner, since="2026-01-01", until="2026-12-31", who="x", target="y").status_code == 200
    answer = read(owner, since="yesterday")
    assert answer.status_code == 400
    assert "since" in answer.content.decode()
    assert read(owner, action="fly").status_code == 400


def test_only_owners_read_it(owner: User) -> None:
    workspace = make_workspace(owner=owner)
    editor = make_member(workspace=workspace, role=Membership.Role.EDITOR).user
    add_member(
        workspace,
        user=(viewer := make_member(workspace=make_workspace()).user),
        role=Membership.Role.VIEWER,
        by=owner,
    )
    for member in (editor, viewer):
        assert read(member, workspaceId=str(workspace.pk)).status_code == 403
    stranger = make_member(workspace=make_workspace()).user
    assert read(stranger, workspaceId=str(workspace.pk)).status_code == 404
