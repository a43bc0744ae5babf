"""The list of batches, and the page of one batch with its controls."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions import jobs
from batches.actions.controls import budget_for_rest
from batches.models import BatchJob, Notice
from batches.models.states import CANCELLABLE, ItemStatus, JobKind, JobStatus
from batches.reports.newest_versions import find_newest
from batches.reports.progress import Progress, progress
from batches.reports.reason_texts import find_error_text
from batches.web.access import find_editable_job, find_visible_job
from batches.web.jobs import batch_page
from batches.web.jobs.control_forms import ResumeForm
from conversations.models import Conversation
from lib.htmx import is_htmx, is_target, read_open_address
from lib.paging import fetch_page
from lib.snapshot import one_snapshot
from lib.stale_state import StaleState
from workspaces.audit import read_history
from workspaces.people import get_person
from workspaces.states import TargetKind

ITEMS_PER_PAGE = 50
JOBS_PER_PAGE = 50
MOST_UNSEEN = 100


@require_safe
@login_required
def list_batches(request: HttpRequest) -> HttpResponse:
    jobs = BatchJob.objects.visible_to(request.user).listed().newest_first()
    found = fetch_page(jobs, request, per=JOBS_PER_PAGE)
    rows = [(job, *batch_page.describe_state(job)) for job in found.rows]
    unseen = Notice.objects.visible_to(request.user).filter(seen_at=None)[:MOST_UNSEEN].count()
    return render(request, "batches/batches.html", {"page": found, "rows": rows, "unseen": unseen})


@require_safe
@login_required
def show_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The page of one batch. All its numbers come from one snapshot."""
    with one_snapshot():
        job = find_visible_job(request, job_id)
        if job.status == JobStatus.DRAFT:
            return redirect("plan", job.pk)
        if job.kind == JobKind.SINGLE:  # Its only item has the page.
            return redirect("item", job.items.values_list("pk", flat=True)[0])
        return render(request, "batches/batch.html", build_batch_context(request, job, progress(job)))


def build_batch_context(request: HttpRequest, job: BatchJob, now: Progress) -> dict[str, Any]:
    """Everything that changes while a batch runs: the live region, the table of items, and the column beside it."""
    found = batch_page.count_by_tier_and_status(job)
    return {
        **batch_page.build_live_context(job, now),
        "by_tier": batch_page.sum_by_tier(found),
        "errors": batch_page.group_errors(job),
        "history": read_history(TargetKind.BATCH, job.pk),
        **build_items_context(request, job, found),
    }


def build_items_context(request: HttpRequest, job: BatchJob, found: list[dict[str, Any]]) -> dict[str, Any]:
    address = read_open_address(request, reverse("batch", args=[job.pk]))
    show = address.query.get("show", "")
    show = show if show in ItemStatus.values else ""
    counted = sum(row["n"] for row in found if show in ("", row["status"]))
    rows = batch_page.list_items(job, show)
    shown = fetch_page(rows, request, per=ITEMS_PER_PAGE, counted=counted, address=address)
    newest = find_newest(shown.rows)
    return {
        "page": shown,
        "rows": [
            {"item": item, "made": newest.get(item.pk), "error": find_error_text(item.error_kind)}
            for item in shown.rows
        ],
        "choices": batch_page.build_filter_links(found, show=show, path=address.path),
    }


@require_safe
@login_required
def read_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Leads to the first conversation of a batch, from which one reads on to the next. Without one it leads to the batch."""
    job = find_visible_job(request, job_id)
    made = Conversation.objects.visible_to(request.user).heads().of_job(job.pk)
    first = made.order_by("root__batch_item__position").values_list("pk", flat=True).first()
    if first is None:
        return redirect("batch", job.pk)
    query = urlencode({"back": batch_page.build_reading_query(job)})
    return redirect(f"{reverse('conversation', args=[first])}?{query}")


@require_safe
@login_required
def poll_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """What has changed since `rev`, or 204. Without htmx it leads to the page.

    All regions come in one answer from one snapshot, so that no two numbers on the page contradict each other. While no
    item has moved, the live region alone is sent.
    """
    with one_snapshot():
        job = find_visible_job(request, job_id)
        if not is_htmx(request):
            return redirect("batch", job.pk)
        now = progress(job)
        seen, rev = request.GET.get("rev", ""), batch_page.compute_revision(now)
        if seen == rev:
            return HttpResponse(status=204)
        if seen.partition(".")[0] == rev.partition(".")[0]:
            return render(request, "batches/batch.html#live", batch_page.build_live_context(job, now))
        return render_update(request, job, now)


def render_update(request: HttpRequest, job: BatchJob, now: Progress) -> HttpResponse:
    """The live region, the tables and the numbers of the menu."""
    return render(
        request, "batches/batch.html#update", build_batch_context(request, job, now) | {"oob": True}
    )


@require_POST
@login_required
def pause_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return carry_out(request, find_editable_job(request, job_id), jobs.pause)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def resume_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """POST resumes, with a higher budget if one is given. GET asks how far to raise the budget that is used up."""
    job = find_editable_job(request, job_id)
    if request.method != "POST":
        return ask_for_budget(request, job, form=ResumeForm())
    form = ResumeForm(request.POST)
    if not form.is_valid():
        return ask_for_budget(request, job, form=form, status=422)
    try:
        return carry_out(request, job, partial(jobs.resume, budget_usd=form.cleaned_data["budget"]))
    except jobs.WouldPauseAgain as short:
        if is_target(request, "live"):
            return HttpResponse(headers={"HX-Redirect": request.path})
        form.add_error("budget", str(short))
        return ask_for_budget(request, job, form=form, status=409)


def ask_for_budget(
    request: HttpRequest, job: BatchJob, *, form: ResumeForm, status: int = 200
) -> HttpResponse:
    in_dialog = is_target(request, "dialog-body")
    offered = f"{budget_for_rest(job).normalize():f}"
    context = {"job": job, "form": form, "raised_budget": offered, "in_dialog": in_dialog}
    return render(request, f"batches/resume.html{'#question' if in_dialog else ''}", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def cancel_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """GET asks, in a dialog or as a page, and says what will be kept. POST cancels."""
    job = find_editable_job(request, job_id)
    if request.method == "POST":
        return carry_out(request, job, jobs.cancel)
    if job.status not in CANCELLABLE:
        messages.error(request, f"This batch is {job.get_status_display().lower()}: it cannot be cancelled.")
        return redirect("batch", job.pk)
    in_dialog = is_target(request, "dialog-body")
    left = job.total_items - job.ended_items - job.in_flight
    context = {"job": job, "left": left, "in_dialog": in_dialog}
    return render(request, f"batches/cancel.html{'#question' if in_dialog else ''}", context)


def carry_out(request: HttpRequest, job: BatchJob, move: Callable[..., BatchJob]) -> HttpResponse:
    """Make the move and show the batch as it is afterwards. A move that is impossible becomes a message.

    Raises WouldPauseAgain for a batch whose own budget is too low: that is a question to the person.
    """
    try:
        move(job, by=get_person(request))
    except StaleState as stale:
        if isinstance(stale, jobs.WouldPauseAgain) and stale.budget == "budget":
            raise
        messages.error(request, str(stale))
    if not is_target(request, "live"):
        return HttpResponseRedirect(reverse("batch", args=[job.pk]))
    with one_snapshot():
        job = find_visible_job(request, job.pk)
        return render_update(request, job, progress(job))
