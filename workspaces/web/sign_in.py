"""Signing in and out, and the choice of the theme. These are the only pages that need no sign-in."""

import re
import time
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
from workspaces.models import Membership, SignInLink, User
from workspaces.tries import TooManyTries, count_wrong_secret, remember_device
from workspaces.web.forms import SignInForm, find_username

BACKEND = "django.contrib.auth.backends.ModelBackend"
BY_LINK = "signed_in_by_link_at"  # in a session: seconds since 1970
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
        return let_in(request, cast(User, form.user), get_page_after_sign_in(request))
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
            return let_in_by_link(request, user)
        record_failed_sign_in(user.username if user else "")
    link = SignInLink.usable(token, at=timezone.now()) if request.method != "POST" else None
    if link is None and (wait := count_wrong_secret(request, "links")):
        raise TooManyTries("Too many wrong sign-in links came from your address. Wait five minutes.", wait)
    status = 200 if link else 410
    return render(request, "workspaces/sign_in_link.html", {"link": link}, status=status)


def let_in_by_link(request: HttpRequest, user: User) -> HttpResponse:
    """Whoever was invited is asked for a password first: until there is one, the owner who invited can make another link."""
    invited = not user.has_usable_password() and Membership.objects.filter(user=user, invited=True).exists()
    page = resolve_url("settings_password" if invited else settings.LOGIN_REDIRECT_URL)
    response = let_in(request, user, page, by_link=True)
    request.session[BY_LINK] = int(time.time())
    if invited:
        words = "Welcome. Set a password: until then the owner who invited you can make further sign-in links for you."
        messages.info(request, words)
    return response


def let_in(request: HttpRequest, user: User, page: str, *, by_link: bool = False) -> HttpResponse:
    """Begin a session under a new key, on record, and lead to the page."""
    with transaction.atomic():
        login(request, user, backend=BACKEND)
        record_sign_in(user, by_link=by_link)
    response = HttpResponseRedirect(page)
    remember_device(response, user)
    return response


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
