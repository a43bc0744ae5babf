"""Let the judge read many conversations: those of a filter of the list, or chosen ones. The cost stands before the start."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.actions.jobs import by_idempotency_key
from batches.actions.judging import start_judging
from batches.models.month_so_far import limit_by_month, this_month
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate
from batches.planning.judging import JudgePlan, estimate_judging, plan_judging
from batches.web.fields import ConcurrencyField, KeyField, make_budget_field
from batches.web.form_problems import add_problems
from batches.web.posted import read_key
from batches.web.single.regenerate_many import Selection, lead_back, suggest_settings
from conversations.bulk import CannotFindAll
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation
from workspaces.models import Workspace
from workspaces.people import get_person


class JudgeForm(forms.Form):
    """How the batch runs. `count` is the number of conversations that the page showed, `rubric` the version of the rubric."""

    concurrency = ConcurrencyField()
    budget = make_budget_field(required=False)
    name = forms.CharField(label="Name", required=False, max_length=200)
    count = forms.IntegerField(required=False)
    rubric = forms.IntegerField(required=False)
    idempotency_key = KeyField()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def ask_judge(request: HttpRequest) -> HttpResponse:
    """The question with its price. POST `start` starts the batch if the numbers are still those which the page showed."""
    if request.method == "POST" and (job := by_idempotency_key(get_person(request), read_key(request))):
        return redirect("batch", job.pk)
    selection = Selection.of(request)
    try:
        found = selection.find(request, with_template=False)
    except CannotFindAll as wrong:
        return lead_back(request, selection, wrong)
    if request.method != "POST":
        return ask_about_judging(request, selection, found, form=JudgeForm(suggest_settings()))
    form = JudgeForm(request.POST)
    if request.POST.get("action") != "start" or not form.is_valid():
        status = 200 if form.is_valid() else 422
        return ask_about_judging(request, selection, found, form=form, status=status)
    chosen = form.cleaned_data
    workspace = choose_workspace(request, found)
    if (chosen["count"], chosen["rubric"]) != (len(found), find_rubric(workspace).version):
        words = "The selection or the rubric has changed since the page was opened. Look at the numbers, then press Start again."
        form.add_error(None, words)
        return ask_about_judging(request, selection, found, form=form, status=409)
    try:
        job = start_judging(
            plan_found(workspace, found),
            by=get_person(request),
            name=chosen["name"],
            concurrency=chosen["concurrency"],
            budget_usd=chosen["budget"],
            key=read_key(request),
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return ask_about_judging(request, selection, found, form=form, status=422)
    return redirect("batch", job.pk)


def choose_workspace(request: HttpRequest, found: list[Conversation]) -> Workspace:
    return found[0].workspace if found else get_person(request).working_workspace()


def plan_found(workspace: Workspace, found: list[Conversation]) -> JudgePlan:
    return plan_judging(workspace, find_rubric(workspace), found)


def ask_about_judging(
    request: HttpRequest,
    selection: Selection,
    found: list[Conversation],
    *,
    form: JudgeForm,
    status: int = 200,
) -> HttpResponse:
    form.is_valid()
    workspace = choose_workspace(request, found)
    budget = form.cleaned_data.get("budget")
    concurrency = form.cleaned_data.get("concurrency") or settings.ENVIRONMENT.max_concurrency
    priced: Estimate | None = None
    try:
        priced = estimate_judging(plan_found(workspace, found), concurrency=concurrency, budget_usd=budget)
    except CANNOT_PRICE as wrong:
        if not form.errors:
            add_problems(form, wrong)
    month, offered = this_month(workspace), priced.default_budget if priced else None
    context = {
        "form": form,
        "selection": selection,
        "count": len(found),
        "rubric": find_rubric(workspace),
        "judged_before": count_judged(found),
        "estimate": priced,
        "month": month,
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "offered_budget": offered,
        "spend_up_to": limit_by_month(budget or offered, month),
    }
    return render(request, "batches/judge_many.html", context, status=status)


def count_judged(found: list[Conversation]) -> int:
    """How many of these versions have a judgement already: the new one stands beside it."""
    keys: list[UUID] = [each.pk for each in found]
    return Conversation.objects.filter(pk__in=keys, judgements__isnull=False).distinct().count()
