"""Whether the judge reads the conversations of a batch once it is completed, and what that may cost."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.actions.judging import ORDERABLE, order_judge
from batches.models import BatchJob
from batches.models.month_so_far import limit_by_month, this_month
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate
from batches.planning.judging import estimate_following
from batches.web.access import find_editable_job
from batches.web.fields import make_budget_field
from batches.web.form_problems import add_problems
from conversations.judging.rubric import find_rubric
from lib.stale_state import StaleState
from workspaces.people import get_person

USUAL_TOKENS_EACH = 3_000  # of a conversation, where the batch has no estimate


class OrderForm(forms.Form):
    """What the judge may spend afterwards. Empty: what the estimate offers."""

    budget = make_budget_field(required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose_judge_of_batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The question with its price. A batch that has ended already leads to the selection of its conversations."""
    job = find_editable_job(request, job_id)
    if job.status not in ORDERABLE and job.rubric_id is None:
        return redirect(f"{reverse('judge_many')}?{urlencode({'batch': job.pk})}")
    form = OrderForm(request.POST or {})
    priced, problem = price_judge(job)
    if problem is not None:
        form.is_valid()
        add_problems(form, problem)
    if request.method != "POST":
        return ask_for_judge(request, job, form, priced)
    off = request.POST.get("action") == "off"
    if not off and (not form.is_valid() or priced is None):
        return ask_for_judge(request, job, form, priced, status=422)
    chosen = None if off or priced is None else form.cleaned_data["budget"] or priced.default_budget
    try:
        order_judge(job, budget_usd=chosen, by=get_person(request))
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return ask_for_judge(request, job, form, priced, status=422)
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        words = (
            "No judge follows it." if chosen is None else f"The judge follows it, for at most ${chosen:.2f}."
        )
        messages.success(request, words)
    return redirect("batch", job.pk)


def price_judge(job: BatchJob) -> tuple[Estimate | None, Any]:
    """What the judge of all its items will cost, or why that cannot be said."""
    written = job.estimate.get("output_tokens") or USUAL_TOKENS_EACH * job.total_items
    try:
        return estimate_following(
            job.workspace,
            items=job.total_items,
            output_tokens=written,
            concurrency=job.concurrent_processing,
        ), None
    except CANNOT_PRICE as wrong:
        return None, wrong


def ask_for_judge(
    request: HttpRequest, job: BatchJob, form: OrderForm, priced: Estimate | None, *, status: int = 200
) -> HttpResponse:
    month, offered = this_month(job.workspace), priced.default_budget if priced else None
    budget = form.cleaned_data.get("budget") if form.is_valid() else None
    context = {
        "job": job,
        "form": form,
        "estimate": priced,
        "month": month,
        "rubric": find_rubric(job.workspace),
        "offered_budget": offered,
        "spend_up_to": limit_by_month(budget or offered, month),
    }
    return render(request, "batches/judge.html", context, status=status)
