"""Signing in and out, and the choice of the theme. These are the only pages that need no sign-in."""

import re
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from workspaces.audit_log.sign_ins import record_failed_sign_in, record_sign_in, record_sign_out
from workspaces.models import SignInLink, User
from workspaces.web.forms import SignInForm, find_username

BACKEND = "django.contrib.auth.backends.ModelBackend"
YEAR_S = 365 * 24 * 3600
THEMES = ("light", "dark", "system")


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with name and password. The page also tells how to get a one-time link."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(get_page_after_sign_in(request))
    form = SignInForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        start_session(request, cast(User, form.user))
        return HttpResponseRedirect(get_page_after_sign_in(request))
    if form.non_field_errors():
        record_failed_sign_in(find_username(form.cleaned_data["name"]))
    status = 422 if form.errors else 200
    context = {"form": form, "next": get_next_page(request)}
    return render(request, "workspaces/sign_in.html", context, status=status)


@never_cache
def sign_in_with_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows whom the link signs in. Only POST uses the link, so that a link preview does not use it up."""
    if request.method == "POST":
        user = SignInLink.redeem(token)
        if user is not None and user.is_active:
            start_session(request, user, by_link=True)
            return redirect(settings.LOGIN_REDIRECT_URL)
        record_failed_sign_in(user.username if user else "")
    link = SignInLink.usable(token, at=timezone.now()) if request.method != "POST" else None
    status = 200 if link else 410
    return render(request, "workspaces/sign_in_link.html", {"link": link}, status=status)


@transaction.atomic
def start_session(request: HttpRequest, person: User, *, by_link: bool = False) -> None:
    """Sign this person in, on record."""
    login(request, person, backend=BACKEND)
    record_sign_in(person, by_link=by_link)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        record_sign_out(request.user)
    logout(request)
    messages.info(request, "You are signed out.")
    return redirect("sign_in")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Set the theme in a cookie that the template reads, so that pages need no script and do not flash."""
    response = HttpResponseRedirect(get_page_after_sign_in(request))
    if request.POST.get("theme") in THEMES:
        response.set_cookie("theme", request.POST["theme"], max_age=YEAR_S, samesite="Lax")
    return response


def get_next_page(request: HttpRequest) -> str:
    """The page to show after the sign-in, if it is the address of a page of ours; else an empty text."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    fits = url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=request.is_secure())
    return target if fits and re.match(r"/|https?://", target) else ""


def get_page_after_sign_in(request: HttpRequest) -> str:
    return get_next_page(request) or resolve_url(settings.LOGIN_REDIRECT_URL)
