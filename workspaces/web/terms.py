"""Settings of a workspace that belong to no other app: what its conversations are for."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from workspaces.actions import state_use
from workspaces.chosen import ChosenWorkspace, choose_changeable_workspace, choose_workspace
from workspaces.models import User, UseStatement
from workspaces.states import Authorisation
from workspaces.terms import NOTICE
from workspaces.web.forms import UseForm

STATEMENTS_SHOWN = 20


@require_safe
@login_required
def redirect_to_settings(request: HttpRequest) -> HttpResponse:
    return redirect("settings_budget")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_terms(request: HttpRequest) -> HttpResponse:
    """What the workspace states about its use of Claude's outputs. All earlier statements are kept."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    form = UseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        state_use(
            workspace=chosen.workspace,
            purpose=form.cleaned_data["purpose"],
            authorisation=Authorisation(form.cleaned_data["authorisation"]),
            reference=form.cleaned_data["reference"],
            by=request.user,
        )
        messages.success(request, "Your statement is recorded.")
        return redirect(f"{reverse('settings_terms')}?workspace={chosen.workspace.pk}")
    context = {"form": form, "chosen": chosen, "notice": NOTICE, "statements": list_statements(chosen)}
    return render(request, "workspaces/terms.html", context, status=422 if form.errors else 200)


def list_statements(chosen: ChosenWorkspace) -> list[UseStatement]:
    rows = UseStatement.objects.filter(workspace=chosen.workspace).select_related("created_by")
    return list(rows.order_by("-created_at", "-id")[:STATEMENTS_SHOWN])
