"""Controls of one batch that ask first: other settings, a retry of its failures, a copy. Dialogs, or pages without script."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
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
from batches.models import BatchJob
from batches.models.states import ItemStatus, Priority
from batches.planning.estimate.estimate import Estimate
from batches.planning.plan import PlanError
from batches.reports.monthly_spending import this_month
from batches.reports.reason_texts import find_error_text
from batches.web.jobs.control_forms import ChangeForm, CopyForm, RetryForm
from batches.web.jobs.views import CANNOT_PRICE, editable
from lib.htmx import is_target
from lib.stale_state import StaleState
from workspaces.people import get_person

Methods = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@Methods
@login_required
def batch_change(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Concurrency, priority and budget, also while it runs."""
    job = editable(request, job_id)
    if request.method != "POST":
        return question(request, "change", job, form=ChangeForm.of(job), **change_context(job))
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
            return question(request, "change", job, form=form, status=409, **change_context(job))
        except StaleState as stale:
            messages.error(request, str(stale))
            return redirect("batch", job.pk)
        messages.success(request, "Changed. The next call goes by it.")
        return redirect("batch", job.pk)
    return question(request, "change", job, form=form, status=422, **change_context(job))


def change_context(job: BatchJob) -> dict[str, Any]:
    return {
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "least": job.spent + job.reserved,
        "priorities": [(each.value, each.label.capitalize()) for each in Priority],
    }


@never_cache
@Methods
@login_required
def batch_retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """All failed items, or with `kind` those of one error; the question says how many and what they cost."""
    job = editable(request, job_id)
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "")[:30]
    failed = job.items.filter(status=ItemStatus.FAILED)
    count = (failed.filter(error_kind=kind) if kind else failed).count()
    context: dict[str, Any] = {
        "kind": kind,
        "words": find_error_text(kind) if kind else None,
        "count": count,
        "cost": retry_cost(job, count),
        "budget": f"{budget_for_retry(job, count).normalize():f}",
        "idempotency_key": given.get("idempotency_key") or uuid4(),
    }
    if request.method != "POST":
        return question(request, "retry", job, **context)
    form = RetryForm(request.POST)
    if not form.is_valid():
        return question(request, "retry", job, form=form, status=422, **context)
    return retried(request, job, kind=kind or None, chosen=form.cleaned_data)


def retried(request: HttpRequest, job: BatchJob, *, kind: str | None, chosen: dict[str, Any]) -> HttpResponse:
    key = chosen["idempotency_key"] or None
    try:
        n = retry_failed(job, by=get_person(request), kind=kind, budget_usd=chosen["budget"], key=key)
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        messages.success(request, f"{n} item{' is' if n == 1 else 's are'} tried again.")
    return redirect("batch", job.pk)


@never_cache
@Methods
@login_required
def batch_duplicate(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The same items as a new batch; the question shows today's estimate."""
    job = editable(request, job_id)
    if request.method != "POST":
        return copy_question(request, job, form=CopyForm(copy_defaults(job)))
    form = CopyForm(request.POST)
    if request.POST.get("action") == "update" or not form.is_valid():
        return copy_question(request, job, form=form, status=200 if form.is_valid() else 422)
    chosen = form.cleaned_data
    try:
        made = duplicate(
            job,
            by=get_person(request),
            name=chosen["name"] or None,
            concurrency=chosen["concurrency"],
            budget_usd=chosen["budget"],
            key=chosen["idempotency_key"] or None,
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return copy_question(request, job, form=form, status=422)
    return redirect("batch", made.pk)


def copy_defaults(job: BatchJob) -> dict[str, Any]:
    ceiling = settings.ENVIRONMENT.max_concurrency
    return {
        "name": copied_name(job),
        "concurrency": min(job.concurrent_processing, ceiling),
        "idempotency_key": str(uuid4()),
    }


def copy_question(request: HttpRequest, job: BatchJob, *, form: CopyForm, status: int = 200) -> HttpResponse:
    form.is_valid()
    priced: Estimate | None = None
    try:
        priced = price_copy(
            job, concurrency=form.cleaned_data.get("concurrency") or job.concurrent_processing
        )
    except CANNOT_PRICE as wrong:
        if not form.errors:
            add_problems(form, wrong)
    offered = priced.default_budget if priced else None
    context = {
        "form": form,
        "estimate": priced,
        "month": this_month(job.workspace),
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "offered_budget": offered,
        "spend_up_to": form.cleaned_data.get("budget") or offered,
    }
    return question(request, "duplicate", job, status=status, **context)


def add_problems(form: forms.Form, wrong: Exception) -> None:
    """What the plan says about a field stands at the field."""
    if not isinstance(wrong, PlanError):
        form.add_error(None, str(wrong))
        return
    for problem in wrong.problems:
        known = problem.row is None and problem.column in form.fields
        form.add_error(problem.column if known else None, problem.message if known else str(problem))


def question(
    request: HttpRequest, name: str, job: BatchJob, *, status: int = 200, **context: Any
) -> HttpResponse:
    """In a dialog over the batch, or as a page of its own."""
    in_dialog = is_target(request, "dialog-body")
    part = "#question" if in_dialog else ""
    shown = {"job": job, "in_dialog": in_dialog, **context}
    return render(request, f"batches/{name}.html{part}", shown, status=status)
