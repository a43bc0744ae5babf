"""The page "Generate all": the starter plan with its estimate, and its start."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from batches.actions import jobs
from batches.models import BatchJob
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import ErrorHandling, Priority
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate, estimate_now
from batches.planning.judging import add_judge, estimate_following
from batches.planning.plan import (
    LeftOut,
    PlanError,
    PlannedItem,
    StarterPlan,
    find_starter_items,
    starter_sizes,
)
from batches.planning.recent_starts import find_same_start
from batches.web.form_problems import add_problems
from batches.web.jobs.forms import GenerateForm
from batches.web.posted import check_not_started, read_key
from lib.htmx import is_htmx, is_target
from lib.row_problems import RowProblem
from templates_app.states import Tier
from workspaces.models import Workspace
from workspaces.people import get_person

FIRST_SHOWN = 10  # items of each tier


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def generate_all(request: HttpRequest) -> HttpResponse:
    """The starter plan with its estimate. POST `start` starts it; POST `update` shows the plan as it was chosen."""
    given = request.POST if request.method == "POST" else request.GET
    form = GenerateForm(given, idempotency_key=str(uuid4()))
    if request.POST.get("action") == "start":
        return start_shown_plan(request, form)
    if request.method == "POST" and not is_htmx(request) and form.is_valid():
        return redirect(f"{reverse('generate_all')}?{form.build_query()}")
    part = "#plan" if is_target(request, "plan") else ""
    response = render(request, f"batches/generate_all.html{part}", build_plan_context(request, form))
    if part:
        response["HX-Replace-Url"] = f"{reverse('generate_all')}?{form.build_query()}"
    return response


def start_shown_plan(request: HttpRequest, form: GenerateForm) -> HttpResponse:
    if form.is_valid():
        try:
            job = start_from_form(request, form)
        except CANNOT_PRICE as wrong:
            add_problems(form, wrong)
        else:
            return redirect("batch", job.pk)
    return render(request, "batches/generate_all.html", build_plan_context(request, form), status=422)


def start_from_form(request: HttpRequest, form: GenerateForm) -> BatchJob:
    """Start the plan. Raises PlanError, instead of paying, for an amount or a second start that was not shown before."""
    chosen, by, key = form.cleaned_data, get_person(request), read_key(request)
    if (earlier := jobs.by_idempotency_key(by, key)) is not None:
        return earlier
    workspace = by.working_workspace()
    plan = build_plan(form, workspace=workspace).items
    check_not_started(request, find_same_start(plan, workspace=workspace))
    priced = estimate_now(plan, concurrency=chosen["concurrency"])
    budget = form.agree_on_budget(priced.default_budget)
    if budget is None:
        words = f"This plan may spend up to ${priced.default_budget}, more than the button said. Look at it, then press Start again."
        raise PlanError([RowProblem(None, "", words)])
    judged = price_judge_of(plan, priced, workspace) if chosen["judge"] else None
    judge_budget = form.agree_on_judge(judged.default_budget) if judged else None
    if judged and judge_budget is None:
        words = f"The judge may spend up to ${judged.default_budget} beside this plan. Look at it, then press Start again."
        raise PlanError([RowProblem(None, "", words)])
    return jobs.start_batch(
        workspace=workspace,
        plan=plan,
        by=by,
        name=chosen["name"] or suggest_name(plan),
        concurrency=chosen["concurrency"],
        error_handling=ErrorHandling(chosen["error_handling"]),
        priority=Priority.NORMAL,
        budget_usd=budget,
        idempotency_key=key,
        tier=chosen["tier"][0] if len(chosen["tier"]) == 1 else "",
        seed=chosen["seed"],
        judge_budget_usd=judge_budget,
    )


def build_plan(form: GenerateForm, *, workspace: Workspace) -> StarterPlan:
    return find_starter_items(
        workspace,
        tiers=form.get_choice("tier") or [],
        limit=form.get_choice("limit"),
        seed=form.get_choice("seed"),
    )


def build_plan_context(request: HttpRequest, form: GenerateForm) -> dict[str, Any]:
    form.is_valid()
    workspace = get_person(request).working_workspace()
    plan: list[PlannedItem] = []
    left_out: Sequence[LeftOut] = ()
    priced: Estimate | None = None
    judged: Estimate | None = None
    try:
        found = build_plan(form, workspace=workspace)
        plan, left_out = found.items, found.left_out
        priced = price_plan(plan, form) if plan else None
        if priced and form.get_choice("judge"):
            judged = price_judge_of(plan, priced, workspace)
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
    offered = priced.default_budget if priced else None
    month = this_month(workspace)
    highest = sum((each.cost_high for each in (priced, judged) if each), Decimal(0))
    return {
        "form": form,
        "started": find_same_start(plan, workspace=workspace),
        **count_tiers(form, workspace),
        "groups": group_by_tier(plan, form),
        "whole_plan": f"{reverse('generate_all')}?{form.build_query()}&whole=on",
        "count": len(plan),
        "left_out": left_out,
        "estimate": priced,
        "model": settings.ENVIRONMENT.anthropic_model,
        "concurrency": form.get_choice("concurrency"),
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "requests_per_minute": settings.ENVIRONMENT.rate_limit_rpm,
        "offered_budget": offered,
        "budget": form.data.get("budget") or offered,
        "offered_for": form.describe_plan(),
        "judged": judged,
        "spend_up_to": limit_by_month(add_judge(form.get_choice("budget") or offered, judged), month),
        "offered_name": suggest_name(plan),
        "month": month,
        "room_is_short": priced is not None and month.room is not None and month.room < highest,
        "stated_use": workspace.intended_use(),
    }


def price_judge_of(plan: Sequence[PlannedItem], priced: Estimate, workspace: Workspace) -> Estimate:
    """What the judge of this plan will cost beside it."""
    return estimate_following(
        workspace, items=len(plan), output_tokens=priced.output_tokens, concurrency=priced.concurrency
    )


def price_plan(plan: list[PlannedItem], form: GenerateForm) -> Estimate:
    return estimate_now(
        plan, concurrency=form.get_choice("concurrency"), budget_usd=form.get_choice("budget")
    )


def count_tiers(form: GenerateForm, workspace: Workspace) -> dict[str, Any]:
    """The tiers with the number of their items, the size of the whole plan, and the size of the chosen tiers."""
    wanted = form.get_choice("tier") or []
    found = starter_sizes(workspace)
    sizes = [
        {
            "value": tier.value,
            "word": tier.label,
            "chosen": tier.value in wanted,
            "size": found[tier.value],
        }
        for tier in Tier
    ]
    return {
        "tiers": sizes,
        "plan_size": sum(found.values()),
        "most": sum(int(str(each["size"])) for each in sizes if each["chosen"]),
    }


def group_by_tier(plan: list[PlannedItem], form: GenerateForm) -> list[dict[str, Any]]:
    """The items of each tier, of which `shown` are on the page: the first ones, or all where that was asked for."""
    link, most = form.build_query(), None if form.get_choice("whole") else FIRST_SHOWN
    groups = []
    for tier in Tier:
        rows = [
            {"item": item, "preview": f"{reverse('plan_prompt', args=[item.position])}?{link}"}
            for item in plan
            if item.tier == tier
        ]
        groups.append({"tier": tier.value, "rows": rows, "shown": rows[:most]})
    return [group for group in groups if group["rows"]]


def suggest_name(plan: list[PlannedItem]) -> str:
    return f"Starter plan, {len(plan)} conversation{'' if len(plan) == 1 else 's'}"


@require_safe
@login_required
def show_plan_prompt(request: HttpRequest, position: int) -> HttpResponse:
    """The prompt of one planned item, exactly as it would be sent."""
    form = GenerateForm(request.GET, idempotency_key="")
    try:
        found = [
            item
            for item in build_plan(form, workspace=get_person(request).working_workspace()).items
            if item.position == position
        ]
    except PlanError as wrong:  # The page of the plan says what is missing.
        raise Http404 from wrong
    if not found:
        raise Http404
    asked = found[0].request(
        model=settings.ENVIRONMENT.anthropic_model, max_tokens=settings.ENVIRONMENT.anthropic_max_tokens
    )
    in_dialog = is_target(request, "dialog-body")
    plan_url = f"{reverse('generate_all')}?{form.build_query()}"
    context = {"item": found[0], "asked": asked, "plan_url": plan_url, "in_dialog": in_dialog}
    return render(request, f"batches/prompt.html{'#prompt' if in_dialog else ''}", context)
