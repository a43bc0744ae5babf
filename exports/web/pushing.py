"""The form that pushes an export to the Hub, and the settings page with the token that does it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from exports.formats import FORMATS
from exports.models import Export, HubToken
from exports.models.states import ExportState
from exports.pushing import hub
from exports.pushing.actions import PUSHED_FORMAT, enter_token, find_problem, push_export, remove_token
from exports.running.manifest import make_warning
from exports.running.writing import has_unreviewed
from lib.stale_state import StaleState
from workspaces.chosen import choose_changeable_workspace, choose_workspace
from workspaces.people import get_person
from workspaces.web.forms import ONE_WORD

SUGGESTED = 60  # characters of the name


class PushForm(forms.Form):
    repository = forms.CharField(
        label="Repository",
        max_length=hub.LONGEST_REPOSITORY,
        error_messages={"required": "say which: name, or organisation/name."},
    )
    public = forms.BooleanField(label="Public", required=False)

    def clean_repository(self) -> str:
        try:
            return hub.read_repository(self.cleaned_data["repository"])
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from wrong


class TokenForm(forms.Form):
    token = forms.CharField(
        label="New token",
        max_length=500,
        validators=[ONE_WORD],
        error_messages={"required": "paste the token that the Hub has given you."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def push(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """GET asks for the repository and says what a push means. POST starts it."""
    export: Export = Export.objects.select_related("job", "push_job").get_editable_or_403(
        request.user, export_id
    )
    if export.state != ExportState.COMPLETED:
        messages.error(request, str(StaleState("export", verb="pushed", status=export.state)))
        return redirect(export)
    suggested = slugify(export.name)[:SUGGESTED].strip("-_")
    form = PushForm(request.POST if request.method == "POST" else None, initial={"repository": suggested})
    if request.method == "POST" and form.is_valid():
        try:
            push_export(export, **form.cleaned_data, by=get_person(request))
        except StaleState as stale:
            messages.error(request, str(stale))
        return redirect(export)
    context = {
        "export": export,
        "form": form,
        "problem": find_problem(export),
        "warning": make_warning(export),
        "unreviewed": has_unreviewed(export),
    }
    return render(request, "exports/push.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_token(request: HttpRequest) -> HttpResponse:
    """Whether the workspace has a token of the Hub, who has entered it, and for owners a form to change or remove it."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    form = TokenForm()
    if request.method == "POST" and request.POST.get("action") == "remove":
        if remove_token(workspace=chosen.workspace, by=get_person(request)):
            messages.success(request, "The token is removed. It stays valid until you revoke it on the Hub.")
        return _redirect_to_token(chosen.workspace.pk)
    if request.method == "POST":
        form = TokenForm(request.POST)
        if form.is_valid():
            enter_token(workspace=chosen.workspace, token=form.cleaned_data["token"], by=get_person(request))
            messages.success(request, "The token is stored. Pushes from now on use it.")
            return _redirect_to_token(chosen.workspace.pk)
    kept = HubToken.objects.filter(workspace=chosen.workspace).defer("encrypted_key")
    context: dict[str, Any] = {
        "form": form,
        "chosen": chosen,
        "kept": kept.select_related("created_by").first(),
        "format": FORMATS[PUSHED_FORMAT].label,
        "missing": "" if hub.is_available() else hub.INSTALL,
    }
    return render(request, "exports/hub_token.html", context, status=422 if form.errors else 200)


def _redirect_to_token(workspace: UUID) -> HttpResponse:
    return redirect(f"{reverse('settings_hub')}?workspace={workspace}")
