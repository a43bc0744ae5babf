"""The page of notices, and the webhook to which a workspace has them sent."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from background.kinds import STOPPED, WAITS
from batches.actions.notices import change_webhook, url_problem, words_of
from batches.models import Notice, Webhook
from batches.models.states import JobStatus
from batches.web.jobs.batch_page import choose_badge
from lib.encryption import UnknownEncryptionKey
from lib.paging import fetch_page
from workspaces.chosen import choose_changeable_workspace, choose_workspace
from workspaces.models import ClockTimestamp
from workspaces.people import get_person

NOTICES_PER_PAGE = 50
BADGES = {WAITS: "paused", STOPPED: "failed"}  # by what a background job has not finished


class WebhookForm(forms.Form):
    """The address. It is shown without its query; sent back as it was shown, it is the address that is stored."""

    url = forms.CharField(label="Address", max_length=500, required=False)

    def __init__(self, given: Any = None, *, kept: Webhook | None) -> None:
        self.kept = kept
        super().__init__(given, initial={"url": kept.shown_url if kept else ""})

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if self.kept and url == self.kept.shown_url:
            url = self.kept.url
        if url and (problem := url_problem(url)):
            raise forms.ValidationError(problem)
        return url


@require_safe
@login_required
def list_notices(request: HttpRequest) -> HttpResponse:
    """The batches and background jobs that have ended, and the batches that wait for a person, the newest notice first."""
    rows = Notice.objects.visible_to(request.user).with_job().order_by("-created_at", "-id")
    found = fetch_page(rows, request, per=NOTICES_PER_PAGE)
    shown = [(notice, name_badge(notice), words_of(notice)) for notice in found.rows]
    return render(request, "batches/notices.html", {"page": found, "rows": shown})


def name_badge(notice: Notice) -> str:
    """The badge of the batch or the background job as the notice found it."""
    if notice.background:
        return BADGES.get(notice.reason, notice.status)
    done, failed = notice.completed_items, notice.failed_items
    return choose_badge(JobStatus(notice.status), notice.status, completed=done, failed=failed)


@require_POST
@login_required
def mark_notices_seen(request: HttpRequest) -> HttpResponse:
    """Mark all notices of this person's workspaces as seen."""
    Notice.objects.editable_by(request.user).filter(seen_at=None).update(seen_at=ClockTimestamp())
    return redirect("notices")


def read_secret(webhook: Webhook) -> str | None:
    """The secret as the receiver enters it. None when the key that encrypted it is gone."""
    try:
        return webhook.secret()
    except UnknownEncryptionKey:
        return None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_webhook(request: HttpRequest) -> HttpResponse:
    """The address to which notices are sent, the secret that signs them, and the last deliveries."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    kept = Webhook.objects.filter(workspace=chosen.workspace).first()
    form = WebhookForm(request.POST if request.method == "POST" else None, kept=kept)
    if request.method == "POST" and form.is_valid():
        change_webhook(
            workspace=chosen.workspace,
            url=form.cleaned_data["url"],
            by=get_person(request),
            renew=request.POST.get("action") == "renew",
        )
        messages.success(request, "The webhook is saved.")
        return redirect(f"{reverse('settings_notices')}?workspace={chosen.workspace.pk}")
    context: dict[str, Any] = {
        "form": form,
        "url": form["url"].value() or "",
        "chosen": chosen,
        "webhook": kept,
        "secret": read_secret(kept) if kept and chosen.may_change else "",
        "hosts": settings.ENVIRONMENT.webhook_hosts,
        "last": Notice.objects.filter(workspace=chosen.workspace)
        .exclude(delivery="none")
        .with_job()
        .order_by("-created_at", "-id")[:10],
    }
    return render(request, "batches/webhook.html", context, status=422 if form.errors else 200)
