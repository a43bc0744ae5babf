"""The list of background jobs, and the page of one with its progress."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from background.actions import cancel_job
from background.models import BackgroundJob
from background.states import OPEN
from lib.htmx import is_target
from lib.paging import fetch_page
from lib.stale_state import StaleState
from workspaces.audit import read_history
from workspaces.people import get_person
from workspaces.states import TargetKind

JOBS_PER_PAGE = 50


@require_safe
@login_required
def list_jobs(request: HttpRequest) -> HttpResponse:
    """The jobs of this person's workspaces, the newest first."""
    rows = BackgroundJob.objects.visible_to(request.user).for_lists()
    page = fetch_page(rows, request, per=JOBS_PER_PAGE)
    context = {"page": page, "polls": any(job.is_open for job in page.rows)}
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"background/jobs.html{part}", context)


@require_safe
@login_required
def show_job(request: HttpRequest, background_id: UUID) -> HttpResponse:
    """Its progress, which is looked up again every second until it ends, and what came of it."""
    job: BackgroundJob = BackgroundJob.objects.for_lists().get_visible_or_404(request.user, background_id)
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"background/job.html{part}", build_context(job, request))


def list_numbers(job: BackgroundJob) -> list[tuple[str, int]]:
    """The numbers of its result, with words for people."""
    return [
        (name.replace("_", " ").capitalize(), value)
        for name, value in job.result.items()
        if isinstance(value, int)
    ]


def build_context(job: BackgroundJob, request: HttpRequest) -> dict[str, Any]:
    return {
        "job": job,
        "polls": job.is_open,
        "results": list_numbers(job),
        "page_url": job.page_url,
        "skipped": job.result.get("reasons", []),
        "may_cancel": job.status in OPEN
        and not job.cancel_asked_at
        and job.may_be_cancelled_by(get_person(request)),
        "history": read_history(TargetKind.BACKGROUND_JOB, job.pk),
    }


@require_POST
@login_required
def cancel(request: HttpRequest, background_id: UUID) -> HttpResponse:
    job = BackgroundJob.objects.get_cancellable_or_403(request.user, background_id)
    try:
        cancel_job(job, by=get_person(request))
    except StaleState as stale:
        messages.error(request, str(stale))
    return redirect("background_job", job.pk)
