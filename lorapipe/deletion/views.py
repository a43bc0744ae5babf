"""The pages on which an owner deletes a workspace, and a person the own account. Both ask for the name, typed once more."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.models import Conversation
from lorapipe.deletion.actions import delete_person, delete_workspace, find_reason_to_wait
from workspaces.actions import Refused
from workspaces.models import Membership, Workspace
from workspaces.people import get_person

NOT_THE_NAME = "This is not the name. Type it exactly as it is written above."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete_own_workspace(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """Only an owner. Others who see the workspace are told so."""
    by = get_person(request)
    mine = Membership.objects.of(by).select_related("workspace").filter(workspace=workspace_id).first()
    if mine is None:
        raise Http404
    if mine.role != Membership.Role.OWNER:
        raise PermissionDenied
    workspace, problem = mine.workspace, ""
    if request.method == "POST":
        problem = NOT_THE_NAME if not _is_named(request, workspace.name) else ""
        try:
            if not problem:
                delete_workspace(workspace, by=by)
                messages.success(request, f"“{workspace.name}” is deleted. Its content is being removed.")
                return redirect("settings_workspaces")
        except Refused as refused:
            problem = str(refused)
    context = {
        "problem": problem or find_reason_to_wait(workspace),
        "workspace": workspace,
        **count(workspace),
    }
    return render(request, "deletion/workspace.html", context, status=422 if problem else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete_own_account(request: HttpRequest) -> HttpResponse:
    """The account of whoever asks, with the personal workspace. Everybody is signed out of it."""
    by, problem = get_person(request), ""
    if request.method == "POST":
        problem = NOT_THE_NAME if not _is_named(request, by.get_username()) else ""
        try:
            if not problem:
                delete_person(by, by=by)
                logout(request)
                messages.success(request, "Your account is deleted. Its content is being removed.")
                return redirect("sign_in")
        except Refused as refused:
            problem = str(refused)
    mine = Membership.objects.of(by).select_related("workspace").order_by("workspace__name")
    context = {"problem": problem, "memberships": mine}
    return render(request, "deletion/account.html", context, status=422 if problem else 200)


def count(workspace: Workspace) -> dict[str, int]:
    members = Membership.objects.filter(workspace=workspace)
    return {
        "conversations": Conversation.objects.filter(workspace=workspace, is_head=True).count(),
        "others": members.count() - 1,
    }


def _is_named(request: HttpRequest, name: str) -> bool:
    return str(request.POST.get("name", "")).strip() == name.strip()
