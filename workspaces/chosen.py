"""The workspace that a page is about, and what the person may do in it."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from workspaces.models import Membership, User, Workspace


@dataclass(frozen=True, kw_only=True)
class ChosenWorkspace:
    """`may_change` is about the workspace's settings, `may_edit` about its content. `others` can be chosen instead."""

    workspace: Workspace
    may_change: bool
    may_edit: bool
    others: list[Workspace]


def choose_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The workspace named in the query or the form, else the personal one. Raises Http404 for a foreign one."""
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
        return ChosenWorkspace(workspace=personal, may_change=True, may_edit=True, others=others)
    for workspace, role in mine.items():
        if str(workspace.pk) == wanted:
            return ChosenWorkspace(
                workspace=workspace,
                may_change=role == Membership.Role.OWNER,
                may_edit=role in Membership.EDITORS,
                others=[each for each in mine if each != workspace],
            )
    raise Http404


def choose_changeable_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The same, to change its settings. Raises PermissionDenied unless this person owns it."""
    found = choose_workspace(request)
    if not found.may_change:
        raise PermissionDenied
    return found


def choose_editable_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The same, to change its content. Raises PermissionDenied if this person may only look."""
    found = choose_workspace(request)
    if not found.may_edit:
        raise PermissionDenied
    return found
