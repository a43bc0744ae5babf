"""The controls of a batch that ask a question first: change its settings, retry its failures, copy it.

The question is a dialog, or a page of its own where scripts are off.
"""

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.actions.controls import (
    BudgetTooLow,
    budget_for_retry,
    change,
    copied_name,
    duplicate,
    price_copy,
    retry_cost,
    retry_failed,
)
from batches.actions.jobs import by_idempotency_key
from batches.models import BatchJob
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import CHANGEABLE, ItemStatus, JobKind, Priority
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate
from batches.planning.freezing import read_plan
from batches.planning.recent_starts import find_same_start
from batches.reports.reason_texts import find_error_text
from batches.web.access import find_editable_job
from batches.web.form_problems import add_problems
from batches.web.jobs.control_forms import ChangeForm, CopyForm, RetryForm
from batches.web.posted import check_not_started, read_key
from lib.amounts import format_amount
from lib.htmx import is_target
from lib.stale_state import StaleState
from workspaces.people import get_person

allow_get_and_post = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@allow_get_and_post
@login_required
def change_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Change concurrency, priority and budget; this is possible while the batch runs."""
    job = find_editable_job(request, job_id)
    if job.status not in CHANGEABLE and request.method != "POST":
        messages.error(request, f"This batch is {job.get_status_display().lower()}: it cannot be changed.")
        return redirect("batch", job.pk)
    if request.method != "POST":
        return render_question(
            request, "change", job, form=ChangeForm.for_job(job), **build_change_context(job)
        )
    form = ChangeForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            change(
                job,
                by=get_person(request),
                concurrency=chosen["concurrency"],
                priority=Priority(chosen["priority"]),
                budget_usd=chosen["budget"],
            )
        except BudgetTooLow as wrong:
            form.add_error("budget", str(wrong))
            return render_question(request, "change", job, form=form, status=409, **build_change_context(job))
        except StaleState as stale:
            messages.error(request, str(stale))
            return redirect("batch", job.pk)
        messages.success(request, "The settings are changed. They apply from the next call on.")
        return redirect("batch", job.pk)
    return render_question(request, "change", job, form=form, status=422, **build_change_context(job))


def build_change_context(job: BatchJob) -> dict[str, Any]:
    return {
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "least": job.spent + job.reserved,
        "priorities": [(each.value, each.label.capitalize()) for each in Priority],
    }


@never_cache
@allow_get_and_post
@login_required
def retry_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Try all failed items again, or with `kind` those of one error. The question says how many there are and their cost."""
    job = find_editable_job(request, job_id)
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "")[:30]
    failed = job.items.filter(status=ItemStatus.FAILED)
    count = (failed.filter(error_kind=kind) if kind else failed).count()
    context: dict[str, Any] = {
        "kind": kind,
        "words": find_error_text(kind) if kind else None,
        "count": count,
        "cost": retry_cost(job, count),
        "budget": format_amount(budget_for_retry(job, count)),
        "idempotency_key": given.get("idempotency_key") or uuid4(),
    }
    if request.method != "POST":
        return render_question(request, "retry", job, **context)
    form = RetryForm(request.POST)
    if not form.is_valid():
        return render_question(request, "retry", job, form=form, status=422, **context)
    return retry_items(request, job, kind=kind or None, chosen=form.cleaned_data)


def retry_items(
    request: HttpRequest, job: BatchJob, *, kind: str | None, chosen: dict[str, Any]
) -> HttpResponse:
    key = read_key(request)
    try:
        n = retry_failed(job, by=get_person(request), kind=kind, budget_usd=chosen["budget"], key=key)
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        messages.success(request, f"{n} item{' is' if n == 1 else 's are'} tried again.")
    return redirect("batch", job.pk)


@never_cache
@allow_get_and_post
@login_required
def duplicate_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start the same items as a new batch. The question shows today's estimate."""
    job = find_editable_job(request, job_id)
    if request.method != "POST":
        return ask_about_copy(request, job, form=CopyForm(suggest_copy_settings(job)))
    form = CopyForm(request.POST)
    if request.POST.get("action") == "update" or not form.is_valid():
        return ask_about_copy(request, job, form=form, status=200 if form.is_valid() else 422)
    chosen = form.cleaned_data
    try:
        if by_idempotency_key(get_person(request), read_key(request)) is None:
            check_not_started(request, find_same_copy(job))
        made = duplicate(
            job,
            by=get_person(request),
            name=chosen["name"] or None,
            concurrency=chosen["concurrency"],
            budget_usd=chosen["budget"],
            key=read_key(request),
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return ask_about_copy(request, job, form=form, status=422)
    return redirect("batch", made.pk)


def find_same_copy(job: BatchJob) -> BatchJob | None:
    if job.rubric_id is not None:  # judgements cannot be copied, as the price says
        return None
    return find_same_start(read_plan(job), workspace=job.workspace, kind=JobKind(job.kind), besides=job)


def suggest_copy_settings(job: BatchJob) -> dict[str, Any]:
    ceiling = settings.ENVIRONMENT.max_concurrency
    return {
        "name": copied_name(job),
        "concurrency": min(job.concurrent_processing, ceiling),
        "idempotency_key": str(uuid4()),
    }


def ask_about_copy(request: HttpRequest, job: BatchJob, *, form: CopyForm, status: int = 200) -> HttpResponse:
    form.is_valid()
    priced: Estimate | None = None
    try:
        priced = price_copy(
            job,
            concurrency=form.cleaned_data.get("concurrency") or job.concurrent_processing,
            budget_usd=form.cleaned_data.get("budget"),
        )
    except CANNOT_PRICE as wrong:
        if not form.errors:
            add_problems(form, wrong)
    offered = priced.default_budget if priced else None
    month = this_month(job.workspace)
    context = {
        "form": form,
        "estimate": priced,
        "started": find_same_copy(job),
        "month": month,
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "offered_budget": offered,
        "spend_up_to": limit_by_month(form.cleaned_data.get("budget") or offered, month),
    }
    return render_question(request, "duplicate", job, status=status, **context)


def render_question(
    request: HttpRequest, name: str, job: BatchJob, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The question in a dialog over the batch, or as a page of its own."""
    in_dialog = is_target(request, "dialog-body")
    part = "#question" if in_dialog else ""
    shown = {"job": job, "in_dialog": in_dialog, **context}
    return render(request, f"batches/{name}.html{part}", shown, status=status)
