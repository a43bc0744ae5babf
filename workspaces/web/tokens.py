"""The page with a person's own API tokens: what there is, a new one, revoking one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workspaces.actions import Refused, create_token, revoke_token
from workspaces.models import ApiToken, Membership, Workspace
from workspaces.people import get_person
from workspaces.web.account_forms import TokenForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def list_or_create_tokens(request: HttpRequest) -> HttpResponse:
    """POST makes a token and shows its text in its answer, the only time that it is shown: it is stored nowhere."""
    by = get_person(request)
    mine = Membership.objects.of(by).values("workspace")
    rows = Workspace.objects.filter(pk__in=mine).order_by("name")
    form = TokenForm(request.POST if request.method == "POST" else None, workspaces=rows)
    made: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            text = create_token(by, **form.cleaned_data, by=by)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            made = {"made": text, "made_name": form.cleaned_data["name"]}
            form = TokenForm(workspaces=rows)
    context = {"form": form, "tokens": ApiToken.objects.filter(user=by).for_list(), **made}
    return render(request, "workspaces/tokens.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def revoke_own_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """A token of somebody else is answered like one that is not there."""
    by = get_person(request)
    found = ApiToken.objects.filter(user=by, pk=token_id).first()
    if found is None:
        raise Http404
    if revoke_token(found, by=by):
        messages.success(request, f"The token “{found.name}” is revoked. Nothing can use it any more.")
    return redirect("settings_tokens")
