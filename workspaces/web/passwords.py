"""The page on which a person sets or changes the password."""

import time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from workspaces import actions
from workspaces.models import User
from workspaces.people import get_person
from workspaces.web.account_forms import PasswordForm
from workspaces.web.sign_in import BY_LINK


@sensitive_post_parameters("current", "new", "repeated")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_password(request: HttpRequest) -> HttpResponse:
    """Every other session of the person ends; this one goes on under another key."""
    by = get_person(request)
    asks = _needs_current(request, by)
    form = PasswordForm(request, by, request.POST if request.method == "POST" else None, asks_current=asks)
    if request.method == "POST" and form.is_valid():
        actions.change_password(by, password=form.cleaned_data["new"], by=by)
        request.session.pop(BY_LINK, None)
        update_session_auth_hash(request, by)
        messages.success(request, "Your new password is stored. Everywhere else you are signed out.")
        return redirect("settings_password")
    context = {"form": form, "asks_current": asks, "has_one": by.has_usable_password()}
    return render(request, "workspaces/password.html", context, status=422 if form.errors else 200)


def _needs_current(request: HttpRequest, user: User) -> bool:
    """Whether the present password is asked for: not where there is none, and not just after a sign-in link was used.

    The link shows who it is. So a forgotten password needs nothing else.
    """
    used_at = request.session.get(BY_LINK, 0)
    fresh = time.time() - used_at < settings.SIGN_IN_LINK_LIFETIME.total_seconds()
    return user.has_usable_password() and not fresh
