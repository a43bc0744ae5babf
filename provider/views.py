"""Settings: the current model table, and the checks of the provider."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from claude import current_models
from claude.current_models import UnknownModel, UnknownPrice
from claude.model_card import ModelCard, ModelTable, PriceRow
from lib import clock
from provider import check, table
from provider.account import (
    UnknownKey,
    compute_fingerprint,
    describe_address,
    get_provider,
    is_own_key,
    list_entered_names,
    list_key_names,
    mask_key,
)
from provider.forms import KeyForm, OwnKeyForm
from provider.keys import enter_key, enter_own_key, remove_key, remove_own_key
from provider.models import Finding, ProviderKey
from workspaces.chosen import ChosenWorkspace, choose_changeable_workspace, choose_workspace
from workspaces.models import OWN_KEY, User, Workspace
from workspaces.people import get_person

CHECKS_SHOWN = 10
DEMO_USES_NONE = "In demo mode no key is used. Start with ANTHROPIC_API_KEY first."


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """A model as the page shows it. `steps` are today's prices, or None if there is none."""

    card: ModelCard
    steps: list[PriceRow] | None
    is_used: bool
    is_over: bool


@dataclass(frozen=True, kw_only=True)
class PriceLine:
    """A price with its last day. `word` is in force, coming or over."""

    row: PriceRow
    until: date | None
    word: str


@never_cache
@require_safe
@login_required
def list_models(request: HttpRequest) -> HttpResponse:
    """The models, what each accepts, and their prices."""
    table.refresh()
    inforce, today = current_models.get_active(), clock.today()
    used = settings.ENVIRONMENT.anthropic_model
    context = {
        "version": inforce.version,
        "lines": [build_model_line(card, inforce, today, used) for card in inforce.cards()],
        "gone": [card for card in inforce.all_cards if inforce.is_gone(card)],
        "prices": build_price_lines(inforce, today),
        "used": used,
        "problem": find_problem(used, today),
        "can_edit": request.user.has_perm("provider.change_languagemodel"),
    }
    return render(request, "provider/models.html", context)


def build_model_line(card: ModelCard, inforce: ModelTable, today: date, used: str) -> ModelLine:
    try:
        steps = inforce.price_steps(card.id, today)
    except UnknownPrice:
        steps = None
    return ModelLine(
        card=card,
        steps=steps,
        is_used=used in (card.id, *card.aliases),
        is_over=card.is_retired(today),
    )


def build_price_lines(inforce: ModelTable, today: date) -> list[PriceLine]:
    """The prices, grouped by model in the order of the table, the newest first."""
    order = {card.id: place for place, card in enumerate(inforce.all_cards)}
    days: dict[str, list[date]] = {}
    for row in inforce.prices:
        days.setdefault(row.model, []).append(row.valid_from)
    rows = sorted(
        inforce.prices,
        key=lambda row: (order.get(row.model, 0), -row.valid_from.toordinal(), row.above_prompt_tokens),
    )
    return [build_price_line(row, days[row.model], today) for row in rows]


def build_price_line(row: PriceRow, days: list[date], today: date) -> PriceLine:
    until = min((day for day in days if day > row.valid_from), default=None)
    word = "in force"
    if row.valid_from > today:
        word = "coming"
    elif until is not None and until <= today:
        word = "over"
    return PriceLine(row=row, until=until, word=word)


def find_problem(model: str, today: date) -> str:
    """Why no batch could start with the model that is set; empty if one could."""
    try:
        current_models.find_card(model, today)
        current_models.find_price(model, on=today, prompt_tokens=1)
    except (UnknownModel, UnknownPrice) as wrong:
        return str(wrong)
    return ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show_provider(request: HttpRequest) -> HttpResponse:
    """The server, the key, and the result of the last check. POST runs a check."""
    chosen = choose_workspace(request)
    if request.method == "POST":
        if not chosen.may_edit:  # a check may cost a token, like a batch
            raise PermissionDenied
        check_and_tell(request, get_person(request), key=chosen.workspace.provider_key)
        return redirect_to_provider(chosen)
    return render_provider(request, chosen)


def redirect_to_provider(chosen: ChosenWorkspace) -> HttpResponse:
    return redirect(f"{reverse('settings_provider')}?workspace={chosen.workspace.pk}")


def render_provider(
    request: HttpRequest,
    chosen: ChosenWorkspace,
    *,
    form: KeyForm | None = None,
    own_form: OwnKeyForm | None = None,
) -> HttpResponse:
    """The page, with the problems of a key form if it has any. Owners enter the workspace's own key, superusers the others."""
    table.refresh()
    key = chosen.workspace.provider_key
    own = ProviderKey.objects.select_related("created_by").filter(workspace=chosen.workspace).first()
    context = {
        "own": own,
        "uses_own": is_own_key(key),
        "own_form": own_form or OwnKeyForm(),
        "server_address": describe_address(),
        "chosen": chosen,
        "may_check": chosen.may_edit,
        "is_entered": key in list_entered_names(),
        "deadline_s": int(check.DEADLINE_S),
        "named_key": "the workspace’s own key" if is_own_key(key) else key,
        **describe_provider(),
        **find_checks(key),
    }
    if get_person(request).is_superuser and not settings.DEMO:
        context |= {"form": form or KeyForm(names=list_changeable_names()), "entered": list_entered_keys()}
    return render(request, "provider/provider.html", context, status=422 if form or own_form else 200)


@sensitive_post_parameters("own_key")
@never_cache
@require_POST
@login_required
def change_own_key(request: HttpRequest) -> HttpResponse:
    """Enter the key that this workspace alone uses from now on, or with `action=remove` use the earlier one. For its owners."""
    by, chosen = get_person(request), choose_changeable_workspace(request)
    if request.POST.get("action") == "remove":
        if remove_own_key(workspace=chosen.workspace, by=by):
            messages.success(request, "The workspace’s own key is removed. Revoke it at the provider too.")
        return redirect_to_provider(chosen)
    if settings.DEMO:
        messages.error(request, DEMO_USES_NONE)
        return redirect_to_provider(chosen)
    form = OwnKeyForm(request.POST)
    if not form.is_valid():
        return render_provider(request, chosen, own_form=form)
    enter_own_key(workspace=chosen.workspace, api_key=form.cleaned_data["own_key"], by=by)
    messages.success(request, "All calls of this workspace use its own key from now on. Test it.")
    return redirect_to_provider(chosen)


@sensitive_post_parameters("api_key")
@never_cache
@require_POST
@login_required
def change_key(request: HttpRequest) -> HttpResponse:
    """Enter a key that is used from now on, or with `action=remove` use the environment's again. For superusers."""
    by, chosen = get_person(request), choose_workspace(request)
    if not by.is_superuser:
        raise PermissionDenied
    if settings.DEMO:
        messages.error(request, DEMO_USES_NONE)
        return redirect_to_provider(chosen)
    if request.POST.get("action") == "remove":
        if remove_key(name=request.POST.get("name", ""), by=by):
            messages.success(request, "The key of the environment is used again.")
        return redirect_to_provider(chosen)
    form = KeyForm(request.POST, names=list_changeable_names())
    if not form.is_valid():
        return render_provider(request, chosen, form=form)
    enter_key(name=form.cleaned_data["name"], api_key=form.cleaned_data["api_key"], by=by)
    messages.success(
        request, "Calls from now on use the key that you entered. Test it before you revoke the old one."
    )
    return redirect_to_provider(chosen)


def list_changeable_names() -> list[str]:
    """The names of all keys: the installation's own (""), those of the environment, and those that workspaces name.

    Without the own keys of workspaces, which only their owners change.
    """
    named = Workspace.objects.exclude(provider_key="").exclude(provider_key__startswith=OWN_KEY)
    named = named.order_by("provider_key").distinct()
    return list(dict.fromkeys([*list_key_names(), *named.values_list("provider_key", flat=True)]))


def list_entered_keys() -> list[ProviderKey]:
    """The keys that were entered; `is_used` is false for one that a later key or address of the environment replaces."""
    stands_in = ProviderKey.objects.filter(workspace=None).select_related("created_by").defer("encrypted_key")
    found = list(stands_in.order_by("name"))
    for key in found:
        key.is_used = key.name in list_entered_names()  # type: ignore[attr-defined]
    return found


def find_checks(key: str) -> dict[str, Any]:
    """The last checks of the server with this key, or what to do if the key is not set."""
    try:
        mine = Finding.objects.filter(fingerprint=compute_fingerprint(get_provider(key)))
        shown = mask_key(key)
    except UnknownKey as wrong:
        return {"problem": str(wrong), "last": None, "earlier": [], "key": ""}
    return {
        "last": mine.filter(model=settings.ENVIRONMENT.anthropic_model).first(),
        "earlier": mine.select_related("created_by").defer("report")[:CHECKS_SHOWN],
        "key": shown,
    }


def check_and_tell(request: HttpRequest, by: User, *, key: str) -> None:
    try:
        works = check.check(key=key, by=by).works
    except (check.NoSimulator, UnknownKey) as wrong:
        messages.error(request, str(wrong))
        return
    if works:
        messages.success(request, "Everything that a batch needs works.")
    else:
        messages.error(request, "A batch would fail. This page shows the reason.")


def describe_provider() -> dict[str, Any]:
    environment = settings.ENVIRONMENT
    temperature: float | None = environment.anthropic_temperature
    return {
        "server": check.describe_server(),
        "address": get_provider().url,
        "model": environment.anthropic_model,
        "max_tokens": environment.anthropic_max_tokens,
        "temperature": None if temperature is None else Decimal(str(temperature)),
        "rpm": environment.rate_limit_rpm,
    }
