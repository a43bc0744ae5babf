"""The page of the keyboard: what each key does, whether single keys do anything, and which keys they are."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from workspaces.web.keymap import COOKIE, SINGLE, KeyClash, check_keymap, read_keymap, write_keymap
from workspaces.web.sign_in import YEAR_S

KEYS = "keys"  # the cookie: `off`, or on
CHOICES = ("on", "off")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose_keys(request: HttpRequest) -> HttpResponse:
    """POST switches single keys on or off in this browser, as the theme is chosen, or changes them, or brings back the usual ones."""
    if request.method == "POST" and "change" in request.POST:
        return change_keys(request)
    chosen = request.POST.get("keys", "")
    if request.method != "POST" or chosen not in CHOICES:
        return show_keyboard(request, read_keymap(request.COOKIES.get(COOKIE, "")))
    messages.success(request, f"Single keys are {chosen} in this browser.")
    response = redirect("settings_keyboard")
    response.set_cookie(KEYS, chosen, max_age=YEAR_S, samesite="Lax")
    return response


def change_keys(request: HttpRequest) -> HttpResponse:
    """Keep the keys that were typed, or with `reset` the usual ones. 422 with a sentence where two places have one key."""
    typed = {} if "reset" in request.POST else read_typed(request)
    try:
        check_keymap(typed)
    except KeyClash as clash:
        return show_keyboard(request, typed, problem=str(clash), status=422)
    messages.success(
        request, "The keys are changed in this browser." if typed else "The keys are the usual ones."
    )
    response = redirect("settings_keyboard")
    response.set_cookie(COOKIE, write_keymap(typed), max_age=YEAR_S, samesite="Lax")
    return response


def read_typed(request: HttpRequest) -> dict[str, str]:
    """The keys that differ from the usual ones. A field that was emptied means the usual key."""
    typed = {key: request.POST.get(f"key-{ord(key)}", "").strip()[:5] for key in SINGLE}
    return {key: text for key, text in typed.items() if text and text != key}


def show_keyboard(
    request: HttpRequest, changed: dict[str, str], *, problem: str = "", status: int = 200
) -> HttpResponse:
    fields = [
        {"name": f"key-{ord(key)}", "key": key, "value": changed.get(key, key), "words": words}
        for key, words in SINGLE.items()
    ]
    context = {"fields": fields, "changed": changed, "problem": problem}
    return render(request, "workspaces/keyboard.html", context, status=status)
