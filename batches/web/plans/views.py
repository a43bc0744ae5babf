"""The page of a draft's plan, the changes that can be made to it, and its start.

Every change is a form that works without scripts.
"""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions import drafts
from batches.actions.judging import order_judge
from batches.actions.starting import TRIED, price, start_draft, try_first
from batches.models import BatchItem, BatchJob
from batches.models.items import BatchItemQuerySet
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.coverage import count_coverage
from batches.planning.estimate.estimate import CANNOT_PRICE
from batches.planning.freezing import read_plan
from batches.planning.judging import add_judge
from batches.planning.plan import PlanError
from batches.web.access import find_editable_job, find_visible_job
from batches.web.form_problems import add_problems
from batches.web.jobs.judge import price_judge
from batches.web.plans import plan_page
from batches.web.plans.changes import CHANGES, find_item
from batches.web.plans.forms import ItemForm, RunForm
from batches.web.posted import read_key, read_revision
from lib.htmx import is_target
from lib.paging import fetch_page
from lib.stale_state import StaleState
from templates_app.text.rendering import TemplateSyntax, ValuesError
from workspaces.people import get_person

DRAFT_ONLY = "This plan has been started, so it can no longer be changed."


@never_cache
@require_safe
@login_required
def show_plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The page with the items, their coverage, the estimate and the form that starts the batch."""
    job = find_visible_job(request, job_id)
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    return render_plan(request, job)


def render_plan(
    request: HttpRequest, job: BatchJob, *, form: RunForm | None = None, status: int = 200
) -> HttpResponse:
    found = price(job)
    choices = plan_page.list_grids(job)
    key = request.GET.get("grid", "")
    key = key if key in choices else plan_page.choose_grid(job)
    page = fetch_page(list_plan_items(job), request, per=plan_page.PER_PAGE)
    grid = count_coverage(job, choices[key])
    budget = found.get("default_budget")
    month = this_month(job.workspace)
    form = form or RunForm(initial=get_run_settings(job))
    judged = price_judge(job)[0] if budget else None
    wanted = add_judge(
        get_budget(form) or (Decimal(budget) if budget else None), judged if form["judge"].value() else None
    )
    context = {
        "job": job,
        "form": form,
        "can_edit": BatchJob.objects.editable_by(request.user).contains(job),
        "page": page,
        "rows": plan_page.mark_repeats(job, list(page.rows)),
        "tiers": plan_page.count_by_tier(job),
        "repeats": plan_page.count_repeats(job),
        "grid": grid,
        "grid_key": key,
        "grid_names": choices[key],
        "grids": [{"key": each, "row": row, "column": column} for each, (row, column) in choices.items()],
        "estimate": found if budget else None,
        "problems": plan_page.build_problem_rows(found),
        "problem_count": found.get("problem_count", 0),
        "budget": form.data.get("budget") if form.is_bound else budget,
        "judged": judged,
        "spend_up_to": limit_by_month(wanted, month),
        "month": month,
        "room_is_short": exceeds_month_budget(job, found),
        "stated_use": job.workspace.intended_use(),
        "trials": plan_page.list_trials(job),
        "tried": TRIED,
        "key": str(uuid4()),
        "at": request.GET.get("at", ""),
        "did": request.GET.get("did", ""),
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
    }
    return render(request, "batches/plan.html", context, status=status)


def list_plan_items(job: BatchJob) -> BatchItemQuerySet:
    return BatchItem.objects.filter(job=job).in_plan_order().with_template_summary()


def get_run_settings(job: BatchJob) -> dict[str, Any]:
    return {
        "name": job.name,
        "concurrency": job.concurrent_processing,
        "error_handling": job.error_handling,
        "priority": job.priority,
        "judge": job.judge_budget_usd is not None,
    }


def get_budget(form: RunForm) -> Decimal | None:
    found: Decimal | None = form.cleaned_data.get("budget") if form.is_bound else None
    return found


def exceeds_month_budget(job: BatchJob, found: dict[str, Any]) -> bool:
    room = this_month(job.workspace).room
    return bool(found.get("cost_high")) and room is not None and room < Decimal(found["cost_high"])


# --- changes -------------------------------------------------------------------------------------------


@require_POST
@login_required
def change_plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Make one change of the plan and show it again. `do` names the change: `remove`, `up:<id>`, `down:<id>`, ..."""
    job = find_editable_job(request, job_id)
    verb, _, about = request.POST.get("do", "place").partition(":")
    if verb not in CHANGES:
        raise Http404
    try:
        words = CHANGES[verb](request, job, about)
    except (BatchItem.DoesNotExist, ValueError) as gone:
        if isinstance(gone, PlanError):
            return render_problem(request, job, str(gone), status=422)
        return render_problem(request, job, "That item is no longer in the plan.", status=409)
    except StaleState as stale:
        return render_problem(request, job, str(stale), status=409)
    if words:
        messages.success(request, words)
    return redirect(build_return_url(request, job, at=about if verb in ("up", "down") else "", did=verb))


def render_problem(request: HttpRequest, job: BatchJob, words: str, *, status: int) -> HttpResponse:
    """The plan as it is now, with a message that says why nothing was changed."""
    job.refresh_from_db()
    messages.error(request, f"{words} Nothing was changed; below is the plan as it is now.")
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    return render_plan(request, job, status=status)


def build_return_url(request: HttpRequest, job: BatchJob, *, at: str, did: str) -> str:
    """The address of the page that shows the changed item, with the focus on the button that was pressed."""
    query: dict[str, Any] = {}
    place = find_item(job, at).position if at else 0
    page = (place - 1) // plan_page.PER_PAGE + 1 if place else request.GET.get("page", "")
    query |= {"page": page} if str(page) not in ("", "1") else {}
    query |= {"grid": request.GET["grid"]} if request.GET.get("grid") else {}
    query |= {"at": at, "did": did} if at else {}
    anchor = f"#row-{at}" if at else "#the-plan" if did != "fill" else "#coverage"
    return f"{reverse('plan', args=[job.pk])}{'?' if query else ''}{urlencode(query)}{anchor}"


# --- one item ------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_item(request: HttpRequest, job_id: UUID, item_id: UUID) -> HttpResponse:
    """Edit the values of one item. An edit of an outdated page is answered 409 and shows both versions."""
    job = find_editable_job(request, job_id)
    if job.status != JobStatus.DRAFT:
        messages.error(request, DRAFT_ONLY)
        return redirect("batch", job.pk)
    item = list_plan_items(job).filter(pk=item_id).first()
    if item is None:
        raise Http404
    if request.method != "POST":
        return render_item(request, job, item, ItemForm(initial=ItemForm.fill_from(item), item=item))
    form = ItemForm(request.POST, item=item)
    if not form.is_valid():
        return render_item(request, job, item, form, status=422)
    try:
        drafts.edit_item(
            job, revision=read_revision(request), item_id=item.pk, fields=form.columns, by=get_person(request)
        )
    except drafts.PlanMoved as moved:
        form.add_error(
            None, f"{moved} Your values are shown below, beside the stored ones. Save again to keep yours."
        )
        return render_item(request, job, item, form, status=409)
    except (StaleState, BatchItem.DoesNotExist) as gone:
        messages.error(request, str(gone) or "That item is no longer in the plan.")
        return redirect("plan", job.pk)
    messages.success(request, f"Item {item.position} is saved.")
    return redirect(build_return_url(request, job, at=str(item.pk), did="edit"))


def render_item(
    request: HttpRequest, job: BatchJob, item: BatchItem, form: ItemForm, *, status: int = 200
) -> HttpResponse:
    (_, mark), *_ = plan_page.mark_repeats(job, [item])
    stored = ItemForm.fill_from(item) if status == 409 else {}
    context = {
        "job": job,
        "item": item,
        "form": form,
        "mark": mark,
        "revision": job.plan_revision,
        "fields": [{"field": form[name], "stored": stored.get(name)} for name in form.fields],
        "overtaken": status == 409,
    }
    return render(request, "batches/plan_item.html", context, status=status)


@require_safe
@login_required
def show_item_prompt(request: HttpRequest, job_id: UUID, item_id: UUID) -> HttpResponse:
    """The prompt of one item, exactly as it would be sent. An item with problems leads to its own page instead."""
    job = find_visible_job(request, job_id)
    row = list_plan_items(job).filter(pk=item_id).first()
    if row is None:
        raise Http404
    (item,) = read_plan(job, position=row.position)
    try:
        asked = item.request(model=job.model, max_tokens=job.max_tokens)
    except (ValuesError, TemplateSyntax):
        return redirect("plan_item", job.pk, item_id)
    in_dialog = is_target(request, "dialog-body")
    plan_url = reverse("plan", args=[job.pk])
    context = {"item": item, "asked": asked, "plan_url": plan_url, "in_dialog": in_dialog, "job": job}
    return render(request, f"batches/prompt.html{'#prompt' if in_dialog else ''}", context)


# --- start, try, discard -------------------------------------------------------------------------------------


@require_POST
@login_required
def start_plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """`action` is `start`, `try`, or `save`, which stores how the plan is to run without starting it."""
    job = find_editable_job(request, job_id)
    action = request.POST.get("action", "save")
    if action == "try":
        return try_first_items(request, job)
    form = RunForm(request.POST)
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    if not form.is_valid():
        return render_plan(request, job, form=form, status=422)
    return (
        start_whole_plan(request, job, form) if action == "start" else save_run_settings(request, job, form)
    )


def save_run_settings(request: HttpRequest, job: BatchJob, form: RunForm) -> HttpResponse:
    chosen = form.cleaned_data
    BatchJob.objects.editable_by(request.user).filter(pk=job.pk, status=JobStatus.DRAFT).update(
        name=chosen["name"],
        concurrent_processing=chosen["concurrency"],
        error_handling=chosen["error_handling"],
        priority=chosen["priority"],
    )
    job.refresh_from_db()
    try:
        if chosen["judge"] != (job.judge_budget_usd is not None):
            order_judge(job, budget_usd=choose_judge_budget(job, form), by=get_person(request))
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return render_plan(request, job, form=form, status=422)
    except StaleState as stale:
        return render_problem(request, job, str(stale), status=409)
    messages.success(request, "Saved. The estimate below is for these settings.")
    query = f"?{urlencode({'budget': chosen['budget']})}" if chosen["budget"] else ""
    return redirect(f"{reverse('plan', args=[job.pk])}{query}#run")


def start_whole_plan(request: HttpRequest, job: BatchJob, form: RunForm) -> HttpResponse:
    chosen = form.cleaned_data
    try:
        job = start_draft(
            job,
            revision=read_revision(request),
            by=get_person(request),
            name=chosen["name"],
            concurrency=chosen["concurrency"],
            error_handling=ErrorHandling(chosen["error_handling"]),
            priority=Priority(chosen["priority"]),
            budget_usd=chosen["budget"],
            judge_budget_usd=choose_judge_budget(job, form),
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return render_plan(request, job, form=form, status=422)
    except StaleState as stale:
        return render_problem(request, job, str(stale), status=409)
    return redirect("batch", job.pk)


def choose_judge_budget(job: BatchJob, form: RunForm) -> Decimal | None:
    """What the page has offered for the judge; None without it. Raises what keeps it from being priced."""
    if not form.cleaned_data["judge"]:
        return None
    price(job)
    judged, problem = price_judge(job)
    if judged is None:
        raise problem
    return judged.default_budget


def try_first_items(request: HttpRequest, job: BatchJob) -> HttpResponse:
    try:
        trial = try_first(
            job,
            revision=read_revision(request),
            by=get_person(request),
            idempotency_key=read_key(request),
        )
    except CANNOT_PRICE as wrong:
        return render_problem(
            request, job, str(wrong) or f"A plan of {TRIED} or fewer is started as a whole.", status=422
        )
    except StaleState as stale:
        return render_problem(request, job, str(stale), status=409)
    messages.success(
        request,
        f"“{trial.name}” has started. Its {TRIED} items have left this plan, so that nothing is paid twice. "
        "The estimate will also rest on what they really cost.",
    )
    return redirect(f"{reverse('plan', args=[job.pk])}#tried")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def discard_plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """GET asks; POST discards for good."""
    job = find_editable_job(request, job_id)
    if request.method == "POST":
        try:
            drafts.discard(job, by=get_person(request))
        except StaleState as stale:
            messages.error(request, str(stale))
            return redirect("batch", job.pk)
        messages.success(request, f"“{job.name}” is discarded. Nothing of it was sent.")
        return redirect("batches")
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    return render(request, "batches/discard.html", {"job": job})
