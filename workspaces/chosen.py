"""The workspace that a page is about, and what the person may do in it."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from workspaces.models import Membership, User, Workspace
from workspaces.people import CHOSEN, get_chosen_key, get_person


@dataclass(frozen=True, kw_only=True)
class ChosenWorkspace:
    """`may_change` is about the workspace's settings, `may_edit` about its content. `others` can be chosen instead."""

    workspace: Workspace
    may_change: bool
    may_edit: bool
    others: list[Workspace]


def choose_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The workspace named in the query or the form, else the one chosen for this session, else the personal one.

    Raises Http404 for a foreign one.
    """
    return _choose(request, Membership.Role.values)


def open_workspace(request: HttpRequest, key: UUID) -> ChosenWorkspace:
    """The workspace of this key. Raises Http404 for a foreign one."""
    return _find(str(key), _list_roles(get_person(request)))


def choose_changeable_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The same, to change its settings. Raises PermissionDenied unless this person owns the one that is named."""
    found = _choose(request, (Membership.Role.OWNER,))
    if not found.may_change:
        raise PermissionDenied
    return found


def choose_editable_workspace(request: HttpRequest) -> ChosenWorkspace:
    """The same, to change its content. Raises PermissionDenied if this person may only look at the one that is named."""
    found = _choose(request, Membership.EDITORS)
    if not found.may_edit:
        raise PermissionDenied
    return found


def keep_choice(request: HttpRequest, workspace: UUID) -> None:
    """Work in this workspace from now on, in this session. Raises Http404 for a foreign one."""
    if not Membership.objects.of(get_person(request)).filter(workspace=workspace).exists():
        raise Http404
    request.session[CHOSEN] = str(workspace)


def _choose(request: HttpRequest, roles: Collection[str]) -> ChosenWorkspace:
    """One chosen for the session is passed over where the role in it is none of `roles`."""
    user = get_person(request)
    wanted = request.POST.get("workspace") or request.GET.get("workspace") or ""
    mine = _list_roles(user)
    if not wanted:
        kept = get_chosen_key(request)
        wanted = next((str(each.pk) for each, role in mine.items() if each.pk == kept and role in roles), "")
    if not wanted:
        personal = user.personal_workspace()
        others = [each for each in mine if each != personal]
        return ChosenWorkspace(workspace=personal, may_change=True, may_edit=True, others=others)
    return _find(wanted, mine)


def _list_roles(user: User) -> dict[Workspace, str]:
    rows = Membership.objects.of(user).select_related("workspace").order_by("workspace__name")
    return {each.workspace: each.role for each in rows}


def _find(wanted: str, mine: dict[Workspace, str]) -> ChosenWorkspace:
    for workspace, role in mine.items():
        if str(workspace.pk) == wanted:
            return ChosenWorkspace(
                workspace=workspace,
                may_change=role == Membership.Role.OWNER,
                may_edit=role in Membership.EDITORS,
                others=[each for each in mine if each != workspace],
            )
    raise Http404
