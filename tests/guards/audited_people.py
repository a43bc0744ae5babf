"""The actions on workspaces, their members, passwords and keys, ready to be done once."""

from decimal import Decimal
from typing import Any

from tests import factories
from tests.guards.audited_case import PLANTED, Act, Case, Stage
from workspaces import actions, members
from workspaces.models import ApiToken, Membership, Workspace
from workspaces.states import Action, Authorisation, TargetKind

Role = Membership.Role
PASSWORD = f"{PLANTED}-correct-horse"


def state_use(stage: Stage) -> Act:
    said: dict[str, Any] = {"purpose": PLANTED, "authorisation": Authorisation.NARROW, "reference": PLANTED}
    return lambda by: actions.state_use(workspace=stage.home, by=by, **said)  # type: ignore[arg-type]


def change_month_budget(stage: Stage) -> Act:
    budget = {"budget_usd": Decimal("12.5")}
    return lambda by: actions.change_month_budget(workspace=stage.home, by=by, **budget)  # type: ignore[arg-type]


def create_bound_token(stage: Stage) -> Act:
    home = stage.home
    return lambda by: actions.create_token(stage.owner, name="script", workspace=home, by=by)


def revoke_token(stage: Stage) -> Act:
    actions.create_token(stage.owner, name="script", by=stage.owner)
    token = ApiToken.objects.get(user=stage.owner)
    return lambda by: actions.revoke_token(token, by=by)


def make_shared(stage: Stage) -> tuple[Workspace, Membership]:
    """A workspace of this person with another member."""
    workspace = factories.make_workspace(owner=stage.owner)
    return workspace, factories.make_member(workspace=workspace, role=Role.EDITOR)


def add_member(stage: Stage) -> Act:
    workspace, user = factories.make_workspace(owner=stage.owner), factories.make_user()
    return lambda by: members.add_member(workspace, user=user, role=Role.VIEWER, by=by)  # type: ignore[arg-type]


def invite(stage: Stage) -> Act:
    workspace = factories.make_workspace(owner=stage.owner)
    about: dict[str, Any] = {"username": "maria", "email": f"{PLANTED.lower()}@example.org"}
    return lambda by: members.invite(workspace, role=Role.EDITOR, by=by, **about)  # type: ignore[arg-type]


def change_role(stage: Stage) -> Act:
    _, member = make_shared(stage)
    return lambda by: members.change_role(member, role=Role.OWNER, by=by)  # type: ignore[arg-type]


def remove_member(stage: Stage) -> Act:
    workspace, member = make_shared(stage)
    factories.make_token(user=member.user, workspace=workspace)
    return lambda by: members.remove_member(member, by=by)


def create_workspace(_: Stage) -> Act:
    return lambda by: members.create_workspace(name="Together", by=by)  # type: ignore[arg-type]


def rename_workspace(stage: Stage) -> Act:
    home = stage.home
    return lambda by: members.rename_workspace(home, name="Better", by=by)  # type: ignore[arg-type]


PEOPLE = [
    Case("workspaces.actions.state_use", state_use, Action.STATE_USE, TargetKind.WORKSPACE, False),
    Case(
        "workspaces.actions.change_month_budget",
        change_month_budget,
        Action.CHANGE_BUDGET,
        TargetKind.WORKSPACE,
        False,
    ),
    Case("workspaces.actions.create_token", create_bound_token, Action.CREATE, TargetKind.API_TOKEN),
    Case("workspaces.actions.revoke_token", revoke_token, Action.REVOKE, TargetKind.API_TOKEN),
    Case(
        "workspaces.actions.create_sign_in_link",
        lambda stage: lambda by: actions.create_sign_in_link(stage.owner, by=by),
        Action.CREATE,
        TargetKind.SIGN_IN_LINK,
    ),
    Case(
        "workspaces.actions.change_password",
        lambda stage: lambda by: actions.change_password(stage.owner, password=PASSWORD, by=by),
        Action.CHANGE_PASSWORD,
        TargetKind.PERSON,
    ),
    Case("workspaces.members.add_member", add_member, Action.ADD, TargetKind.MEMBER, False),
    Case("workspaces.members.invite", invite, Action.INVITE, TargetKind.MEMBER, False),
    Case("workspaces.members.change_role", change_role, Action.CHANGE_ROLE, TargetKind.MEMBER, False),
    Case("workspaces.members.remove_member", remove_member, Action.REMOVE, TargetKind.MEMBER, False),
    Case("workspaces.members.create_workspace", create_workspace, Action.CREATE, TargetKind.WORKSPACE, False),
    Case("workspaces.members.rename_workspace", rename_workspace, Action.RENAME, TargetKind.WORKSPACE, False),
]
