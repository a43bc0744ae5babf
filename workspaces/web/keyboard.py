"""The page of the keyboard: what each key does, and whether single keys do anything."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from workspaces.web.sign_in import YEAR_S

KEYS = "keys"  # the cookie: `off`, or on
CHOICES = ("on", "off")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose_keys(request: HttpRequest) -> HttpResponse:
    """POST switches single keys on or off in this browser, as the theme is chosen: whoever dictates needs them off."""
    chosen = request.POST.get("keys", "")
    if request.method != "POST" or chosen not in CHOICES:
        return render(request, "workspaces/keyboard.html")
    messages.success(request, f"Single keys are {chosen} in this browser.")
    response = redirect("settings_keyboard")
    response.set_cookie(KEYS, chosen, max_age=YEAR_S, samesite="Lax")
    return response
