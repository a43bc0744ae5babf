"""Generate all, the list of batches, and the page of one with its controls."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions import jobs
from batches.models import BatchItem, BatchJob, Notice
from batches.models.states import ErrorHandling, ItemStatus, JobKind, JobStatus, Priority
from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import PlanError, PlannedItem, starter_plan, starter_sizes
from batches.reports.monthly_spending import this_month
from batches.reports.progress import Progress, progress
from batches.reports.reason_texts import find_error_text
from batches.web.jobs import batch_page
from batches.web.jobs.forms import GenerateForm
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from lib import clock
from lib.htmx import is_htmx, is_target
from lib.paging import fetch_page
from lib.stale_state import StaleState
from templates_app.states import Tier
from workspaces.models import User, Workspace
from workspaces.people import get_person

ITEMS_PER_PAGE = 50
JOBS_PER_PAGE = 50
MOST_UNSEEN = 100
CANNOT_PRICE = (PlanError, UnknownModel, RetiredModel, UnknownPrice)


# --- generate all ---------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def generate_all(request: HttpRequest) -> HttpResponse:
    """The starter plan with its estimate; POST `start` starts it, POST `update` shows the plan as chosen."""
    given = request.POST if request.method == "POST" else request.GET
    form = GenerateForm(given, idempotency_key=str(uuid4()))
    if request.POST.get("action") == "start":
        return start(request, form)
    if request.method == "POST" and not is_htmx(request) and form.is_valid():
        return redirect(f"{reverse('generate_all')}?{form.link()}")
    part = "#plan" if is_target(request, "plan") else ""
    response = render(request, f"batches/generate_all.html{part}", plan_context(request, form))
    if part:
        response["HX-Replace-Url"] = f"{reverse('generate_all')}?{form.link()}"
    return response


def start(request: HttpRequest, form: GenerateForm) -> HttpResponse:
    if form.is_valid():
        try:
            job = start_from(form, by=get_person(request))
        except CANNOT_PRICE as wrong:
            add_problems(form, wrong)
        else:
            return redirect("batch", job.pk)
    return render(request, "batches/generate_all.html", plan_context(request, form), status=422)


def start_from(form: GenerateForm, *, by: User) -> BatchJob:
    chosen = form.cleaned_data
    workspace = by.personal_workspace()
    plan = plan_of(form, workspace=workspace)
    return jobs.start_batch(
        workspace=workspace,
        plan=plan,
        by=by,
        name=chosen["name"] or offered_name(plan),
        concurrency=chosen["concurrency"],
        error_handling=ErrorHandling(chosen["error_handling"]),
        priority=Priority.NORMAL,
        budget_usd=chosen["budget"],
        idempotency_key=chosen["idempotency_key"],
        tier=chosen["tier"][0] if len(chosen["tier"]) == 1 else "",
        seed=chosen["seed"],
    )


def plan_of(form: GenerateForm, *, workspace: Workspace) -> list[PlannedItem]:
    return starter_plan(
        workspace,
        tiers=form.chosen("tier") or [],
        limit=form.chosen("limit"),
        seed=form.chosen("seed"),
    )


def add_problems(form: GenerateForm, wrong: Exception) -> None:
    """What the plan says about a field stands at the field."""
    problems = wrong.problems if isinstance(wrong, PlanError) else []
    for problem in problems:
        known = problem.column in form.fields and problem.row is None
        form.add_error(problem.column if known else None, problem.message if known else str(problem))
    if not problems:
        form.add_error(None, str(wrong))


def plan_context(request: HttpRequest, form: GenerateForm) -> dict[str, Any]:
    form.is_valid()
    workspace = get_person(request).personal_workspace()
    plan: list[PlannedItem] = []
    priced: Estimate | None = None
    try:
        plan = plan_of(form, workspace=workspace)
        priced = estimate_of(plan, form) if plan else None
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
    offered = priced.default_budget if priced else None
    return {
        "form": form,
        **plan_sizes(form, workspace),
        "groups": groups_of(plan, form),
        "count": len(plan),
        "estimate": priced,
        "model": settings.ENVIRONMENT.anthropic_model,
        "concurrency": form.chosen("concurrency"),
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "requests_per_minute": settings.ENVIRONMENT.rate_limit_rpm,
        "offered_budget": offered,
        "budget": form.data.get("budget") or offered,
        "spend_up_to": form.chosen("budget") or offered,
        "offered_name": offered_name(plan),
        "month": this_month(workspace),
        "stated_use": workspace.intended_use(),
    }


def estimate_of(plan: list[PlannedItem], form: GenerateForm) -> Estimate:
    return estimate(
        plan,
        model=settings.ENVIRONMENT.anthropic_model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        concurrency=form.chosen("concurrency") or settings.ENVIRONMENT.max_concurrency,
        on=clock.today(),
    )


def plan_sizes(form: GenerateForm, workspace: Workspace) -> dict[str, Any]:
    """The tiers with how many items each has, the whole, and the most that the chosen tiers give."""
    wanted = form.chosen("tier") or []
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


def groups_of(plan: list[PlannedItem], form: GenerateForm) -> list[dict[str, Any]]:
    link = form.link()
    groups = []
    for tier in Tier:
        rows = [
            {"item": item, "preview": f"{reverse('plan_prompt', args=[item.position])}?{link}"}
            for item in plan
            if item.tier == tier
        ]
        groups.append({"tier": tier.value, "rows": rows})
    return [group for group in groups if group["rows"]]


def offered_name(plan: list[PlannedItem]) -> str:
    return f"Starter plan, {len(plan)} conversation{'' if len(plan) == 1 else 's'}"


@require_safe
@login_required
def plan_prompt(request: HttpRequest, position: int) -> HttpResponse:
    """The prompt of one planned item, exactly as it would be sent."""
    form = GenerateForm(request.GET, idempotency_key="")
    try:
        found = [
            item
            for item in plan_of(form, workspace=get_person(request).personal_workspace())
            if item.position == position
        ]
    except PlanError as wrong:  # the page of the plan says what is missing
        raise Http404 from wrong
    if not found:
        raise Http404
    asked = found[0].request(
        model=settings.ENVIRONMENT.anthropic_model, max_tokens=settings.ENVIRONMENT.anthropic_max_tokens
    )
    in_dialog = is_target(request, "dialog-body")
    plan_url = f"{reverse('generate_all')}?{form.link()}"
    context = {"item": found[0], "asked": asked, "plan_url": plan_url, "in_dialog": in_dialog}
    return render(request, f"batches/prompt.html{'#prompt' if in_dialog else ''}", context)


# --- batches ----------------------------------------------------------------------------------------------


@require_safe
@login_required
def batches(request: HttpRequest) -> HttpResponse:
    jobs = BatchJob.objects.visible_to(request.user).listed().newest_first()
    found = fetch_page(jobs, request, per=JOBS_PER_PAGE)
    rows = [(job, *batch_page.state_of(job)) for job in found.rows]
    unseen = Notice.objects.visible_to(request.user).filter(seen_at=None)[:MOST_UNSEEN].count()
    return render(request, "batches/batches.html", {"page": found, "rows": rows, "unseen": unseen})


@require_safe
@login_required
def batch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One batch; `#items` and `#side` alone when the item table says that something has changed."""
    job = visible(request, job_id)
    if job.status == JobStatus.DRAFT:
        return redirect("plan", job.pk)
    if job.kind == JobKind.SINGLE:  # looked at as its item
        return redirect("item", job.items.values_list("pk", flat=True)[0])
    part = next((f"#{name}" for name in ("items", "side") if is_target(request, name)), "")
    context = batch_page.live_context(job, progress(job))
    found = batch_page.counts(job)
    if part != "#items":
        context |= {"by_tier": batch_page.by_tier(found), "errors": batch_page.errors_of(job)}
    if part != "#side":
        context |= items_context(request, job, found)
    return render(request, f"batches/batch.html{part}", context)


def items_context(request: HttpRequest, job: BatchJob, found: list[dict[str, Any]]) -> dict[str, Any]:
    show = request.GET.get("show", "")
    show = show if show in ItemStatus.values else ""
    shown = fetch_page(batch_page.with_kept(batch_page.items_of(job, show), job), request, per=ITEMS_PER_PAGE)
    return {
        "page": shown,
        "rows": [
            {"item": item, "made": made_of(item), "error": find_error_text(item.error_kind)}
            for item in shown.rows
        ],
        "choices": batch_page.choices(found, show=show, path=request.path),
    }


def made_of(item: BatchItem) -> Any:
    """The item's conversation, None while there is none."""
    return getattr(item, "conversation", None)


@require_safe
@login_required
def batch_progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The live region; 204 while nothing has changed since `rev`. Without htmx: the page."""
    job = visible(request, job_id)
    if not is_htmx(request):
        return redirect("batch", job.pk)
    now = progress(job)
    seen, rev = request.GET.get("rev", ""), batch_page.revision(now)
    if seen == rev:
        return HttpResponse(status=204)
    if seen.partition(".")[0] == rev.partition(".")[0]:
        return live(request, job, now)
    return changed(request, job, now)


def live(request: HttpRequest, job: BatchJob, now: Progress) -> HttpResponse:
    return render(request, "batches/batch.html#live", batch_page.live_context(job, now))


def changed(request: HttpRequest, job: BatchJob, now: Progress) -> HttpResponse:
    """The live region, the numbers of the menu, and the word to the tables that they are out of date."""
    response = render(request, "batches/batch.html#update", batch_page.live_context(job, now))
    response["HX-Trigger"] = "items-changed"
    return response


@require_POST
@login_required
def batch_pause(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return moved(request, editable(request, job_id), jobs.pause)


@require_POST
@login_required
def batch_resume(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return moved(request, editable(request, job_id), jobs.resume)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def batch_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """GET asks, in a dialog or as a page, and says what is kept; POST cancels."""
    job = editable(request, job_id)
    if request.method == "POST":
        return moved(request, job, jobs.cancel)
    in_dialog = is_target(request, "dialog-body")
    left = job.total_items - job.ended_items - job.in_flight
    context = {"job": job, "left": left, "in_dialog": in_dialog}
    return render(request, f"batches/cancel.html{'#question' if in_dialog else ''}", context)


def moved(request: HttpRequest, job: BatchJob, move: Callable[..., BatchJob]) -> HttpResponse:
    """Makes the move and shows the batch as it then is; an impossible move is told, not raised."""
    try:
        job = move(job, by=get_person(request))
    except StaleState as stale:
        messages.error(request, str(stale))
    if not is_target(request, "live"):
        return HttpResponseRedirect(reverse("batch", args=[job.pk]))
    return changed(request, job, progress(job))


def visible(request: HttpRequest, job_id: UUID) -> BatchJob:
    rows = BatchJob.objects.visible_to(request.user).select_related("created_by")
    found: BatchJob = get_object_or_404(rows, pk=job_id)
    return found


def editable(request: HttpRequest, job_id: UUID) -> BatchJob:
    """404 for what one may not see, 403 for what one may see but not change."""
    job = visible(request, job_id)
    if not BatchJob.objects.editable_by(request.user).filter(pk=job.pk).exists():
        raise PermissionDenied
    return job
