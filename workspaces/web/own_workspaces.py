"""The page with the workspaces of a person: which there are, another one, another name, and in which one works."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workspaces.actions import Refused
from workspaces.chosen import choose_workspace, keep_choice
from workspaces.members import create_workspace, rename_workspace
from workspaces.models import Membership
from workspaces.people import get_person
from workspaces.web.account_forms import NameForm
from workspaces.web.members import redirect_to_members
from workspaces.web.sign_in import get_page_after_sign_in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def list_or_create_workspaces(request: HttpRequest) -> HttpResponse:
    """POST makes a shared workspace, in which its maker works from then on."""
    by = get_person(request)
    form = NameForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_workspace(name=form.cleaned_data["name"], by=by)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            keep_choice(request, made.pk)
            messages.success(request, f"“{made.name}” is made, and you work in it now. Add its members.")
            return redirect_to_members(made.pk)
    rows = Membership.objects.of(by).select_related("workspace")
    rows = rows.annotate(members=Count("workspace__membership")).order_by("workspace__name")
    context = {"form": form, "rows": rows, "chosen": choose_workspace(request)}
    return render(request, "workspaces/workspaces.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def rename(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    by = get_person(request)
    mine = Membership.objects.of(by).select_related("workspace").filter(workspace=workspace_id).first()
    if mine is None:
        raise Http404
    if mine.role != Membership.Role.OWNER:
        raise PermissionDenied
    form = NameForm(request.POST)
    if not form.is_valid():
        messages.error(
            request, "A workspace needs a name of at most 200 characters. It keeps the one it has."
        )
    elif rename_workspace(mine.workspace, name=form.cleaned_data["name"], by=by):
        messages.success(request, f"The workspace is called “{mine.workspace.name}” now.")
    return redirect("settings_workspaces")


@require_POST
@login_required
def choose(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """What is made from now on goes into this workspace, and its settings are shown first. It holds until one signs out."""
    keep_choice(request, workspace_id)
    return redirect(get_page_after_sign_in(request))
