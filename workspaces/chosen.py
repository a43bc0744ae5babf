"""Which workspace a settings page is about, and whether who looks at it may change it."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from workspaces.models import Membership, User, Workspace


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`others` are the workspaces that this person could look at instead. `may_edit`: the rows in it, not its settings."""

    workspace: Workspace
    may_change: bool
    may_edit: bool
    others: list[Workspace]


def chosen_workspace(request: HttpRequest) -> Chosen:
    """The workspace named by `workspace` in the query or the form, else the personal one. Http404 for a foreign one."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    wanted = request.POST.get("workspace") or request.GET.get("workspace") or ""
    mine = {
        each.workspace: each.role
        for each in Membership.objects.filter(user=user)
        .select_related("workspace")
        .order_by("workspace__name")
    }
    if not wanted:
        personal = user.personal_workspace()
        others = [each for each in mine if each != personal]
        return Chosen(workspace=personal, may_change=True, may_edit=True, others=others)
    for workspace, role in mine.items():
        if str(workspace.pk) == wanted:
            return Chosen(
                workspace=workspace,
                may_change=role == Membership.Role.OWNER,
                may_edit=role in Membership.EDITORS,
                others=[each for each in mine if each != workspace],
            )
    raise Http404


def changeable_workspace(request: HttpRequest) -> Chosen:
    """The same, for a change: PermissionDenied for who is no owner of it."""
    found = chosen_workspace(request)
    if not found.may_change:
        raise PermissionDenied
    return found


def editable_workspace(request: HttpRequest) -> Chosen:
    """The same, for rows in it: PermissionDenied for who may only look."""
    found = chosen_workspace(request)
    if not found.may_edit:
        raise PermissionDenied
    return found
