"""Notices on the pages, and the webhook that a workspace has them sent to."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions.notices import url_problem, words_of
from batches.models import Notice, Webhook
from lib.paging import fetch_page
from workspaces.chosen import ChosenWorkspace, choose_changeable_workspace, choose_workspace
from workspaces.models import ClockTimestamp

NOTICES_PER_PAGE = 50


class WebhookForm(forms.Form):
    url = forms.CharField(label="Address", max_length=500, required=False)

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if url and (problem := url_problem(url)):
            raise forms.ValidationError(problem)
        return url


@require_safe
@login_required
def notices(request: HttpRequest) -> HttpResponse:
    """What has ended or waits for a person, the newest first."""
    rows = Notice.objects.visible_to(request.user).select_related("job").order_by("-created_at", "-id")
    found = fetch_page(rows, request, per=NOTICES_PER_PAGE)
    shown = [(notice, words_of(notice)) for notice in found.rows]
    return render(request, "batches/notices.html", {"page": found, "rows": shown})


@require_POST
@login_required
def notices_seen(request: HttpRequest) -> HttpResponse:
    """All of one's workspaces' notices are seen; what the pages showed is no news any more."""
    Notice.objects.editable_by(request.user).filter(seen_at=None).update(seen_at=ClockTimestamp())
    return redirect("notices")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def webhook(request: HttpRequest) -> HttpResponse:
    """Where notices are sent, the secret that signs them, and how the last ones went."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    kept = Webhook.objects.filter(workspace=chosen.workspace).first()
    form = WebhookForm(request.POST or {"url": kept.url if kept else ""})
    if request.method == "POST" and form.is_valid():
        change(chosen, kept, form.cleaned_data["url"], renew=request.POST.get("action") == "renew")
        messages.success(request, "The webhook is saved.")
        return redirect(f"{reverse('settings_notices')}?workspace={chosen.workspace.pk}")
    context: dict[str, Any] = {
        "form": form if request.method == "POST" else WebhookForm(initial={"url": kept.url if kept else ""}),
        "url": form.data.get("url", ""),
        "chosen": chosen,
        "webhook": kept,
        "hosts": settings.ENVIRONMENT.webhook_hosts,
        "last": Notice.objects.filter(workspace=chosen.workspace)
        .exclude(delivery="none")
        .select_related("job")
        .order_by("-created_at", "-id")[:10],
    }
    return render(request, "batches/webhook.html", context, status=422 if form.errors else 200)


def change(chosen: ChosenWorkspace, kept: Webhook | None, url: str, *, renew: bool) -> None:
    """Another address, another secret, or none any more."""
    rows = Webhook.objects.filter(workspace=chosen.workspace)
    if not url:
        rows.delete()
    elif kept is None:
        Webhook.objects.create(workspace=chosen.workspace, url=url)
    else:
        rows.update(url=url, generation=F("generation") + int(renew))
