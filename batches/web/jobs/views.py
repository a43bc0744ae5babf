"""The page "Generate all", the list of batches, and the page of one batch with its controls."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions import jobs
from batches.actions.controls import budget_for_rest
from batches.models import BatchJob, Notice
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import CANCELLABLE, ErrorHandling, ItemStatus, JobKind, JobStatus, Priority
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate, estimate_now
from batches.planning.plan import (
    LeftOut,
    PlanError,
    PlannedItem,
    StarterPlan,
    find_starter_items,
    starter_sizes,
)
from batches.planning.recent_starts import find_same_start
from batches.reports.newest_versions import find_newest
from batches.reports.progress import Progress, progress
from batches.reports.reason_texts import find_error_text
from batches.web.access import find_editable_job, find_visible_job
from batches.web.form_problems import add_problems
from batches.web.jobs import batch_page
from batches.web.jobs.control_forms import ResumeForm
from batches.web.jobs.forms import GenerateForm
from batches.web.posted import check_not_started, read_key
from conversations.models import Conversation
from lib.htmx import is_htmx, is_target, read_open_address
from lib.paging import fetch_page
from lib.row_problems import RowProblem
from lib.snapshot import one_snapshot
from lib.stale_state import StaleState
from templates_app.states import Tier
from workspaces.audit import read_history
from workspaces.models import Workspace
from workspaces.people import get_person
from workspaces.states import TargetKind

ITEMS_PER_PAGE = 50
JOBS_PER_PAGE = 50
MOST_UNSEEN = 100


# --- generate all ---------------------------------------------------------------------------------------


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
    workspace = by.personal_workspace()
    plan = build_plan(form, workspace=workspace).items
    check_not_started(request, find_same_start(plan, workspace=workspace))
    default = estimate_now(plan, concurrency=chosen["concurrency"]).default_budget
    budget = form.agree_on_budget(default)
    if budget is None:
        words = f"This plan may spend up to ${default}, more than the button said. Look at it, then press Start again."
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
    workspace = get_person(request).personal_workspace()
    plan: list[PlannedItem] = []
    left_out: Sequence[LeftOut] = ()
    priced: Estimate | None = None
    try:
        found = build_plan(form, workspace=workspace)
        plan, left_out = found.items, found.left_out
        priced = price_plan(plan, form) if plan else None
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
    offered = priced.default_budget if priced else None
    month = this_month(workspace)
    return {
        "form": form,
        "started": find_same_start(plan, workspace=workspace),
        **count_tiers(form, workspace),
        "groups": group_by_tier(plan, form),
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
        "spend_up_to": limit_by_month(form.get_choice("budget") or offered, month),
        "offered_name": suggest_name(plan),
        "month": month,
        "room_is_short": priced is not None and month.room is not None and month.room < priced.cost_high,
        "stated_use": workspace.intended_use(),
    }


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
    link = form.build_query()
    groups = []
    for tier in Tier:
        rows = [
            {"item": item, "preview": f"{reverse('plan_prompt', args=[item.position])}?{link}"}
            for item in plan
            if item.tier == tier
        ]
        groups.append({"tier": tier.value, "rows": rows})
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
            for item in build_plan(form, workspace=get_person(request).personal_workspace()).items
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


# --- batches ----------------------------------------------------------------------------------------------


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
    shown = fetch_page(batch_page.list_items(job, show), request, per=ITEMS_PER_PAGE, address=address)
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
