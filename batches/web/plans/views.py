"""The page of a draft's plan, what can be done to it, and its start. Every change is a form that works without script."""

from collections.abc import Callable
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
from batches.actions.filling import fill_gaps
from batches.actions.starting import CANNOT_PRICE, TRIED, planned_items, price, start_draft, try_first
from batches.models import BatchItem, BatchJob
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.plan import PlanError
from batches.planning.quotas import drawn
from batches.reports.monthly_spending import this_month
from batches.web.jobs.views import editable, visible
from batches.web.plans import plan_page
from batches.web.plans.forms import ItemForm, RunForm
from lib.htmx import is_target
from lib.paging import fetch_page
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from templates_app.text.rendering import TemplateSyntax, ValuesError
from workspaces.people import get_person

DRAFT_ONLY = "This plan has started: it cannot be changed any more."


@never_cache
@require_safe
@login_required
def plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The items in pages, their coverage, the estimate, and the way to start."""
    job = visible(request, job_id)
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    return shown(request, job)


def shown(
    request: HttpRequest, job: BatchJob, *, form: RunForm | None = None, status: int = 200
) -> HttpResponse:
    found = price(job)
    choices = plan_page.grid_choices(job)
    key = request.GET.get("grid", "")
    key = key if key in choices else plan_page.default_grid(job)
    page = fetch_page(plan_page.items_of(job), request, per=plan_page.PER_PAGE)
    grid = plan_page.coverage(job, choices[key])
    budget = found.get("default_budget")
    context = {
        "job": job,
        "form": form or RunForm(initial=run_of(job)),
        "can_edit": BatchJob.objects.editable_by(request.user).filter(pk=job.pk).exists(),
        "page": page,
        "rows": plan_page.marked(job, list(page.rows)),
        "tiers": plan_page.by_tier(job),
        "repeats": plan_page.repeats(job),
        "grid": grid,
        "grid_key": key,
        "grid_names": choices[key],
        "grids": [{"key": each, "row": row, "column": column} for each, (row, column) in choices.items()],
        "estimate": found if budget else None,
        "problems": plan_page.problem_rows(found),
        "problem_count": found.get("problem_count", 0),
        "budget": form.data.get("budget") if form else budget,
        "spend_up_to": amount(form) or budget,
        "month": this_month(job.workspace),
        "room_is_short": room_is_short(job, found),
        "stated_use": job.workspace.intended_use(),
        "trials": plan_page.trials(job),
        "tried": TRIED,
        "key": str(uuid4()),
        "at": request.GET.get("at", ""),
        "did": request.GET.get("did", ""),
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
    }
    return render(request, "batches/plan.html", context, status=status)


def run_of(job: BatchJob) -> dict[str, Any]:
    return {
        "name": job.name,
        "concurrency": job.concurrent_processing,
        "error_handling": job.error_handling,
        "priority": job.priority,
    }


def amount(form: RunForm | None) -> Decimal | None:
    found: Decimal | None = form.cleaned_data.get("budget") if form is not None and form.is_bound else None
    return found


def room_is_short(job: BatchJob, found: dict[str, Any]) -> bool:
    room = this_month(job.workspace).room
    return bool(found.get("cost_high")) and room is not None and room < Decimal(found["cost_high"])


# --- changes -------------------------------------------------------------------------------------------


@require_POST
@login_required
def change(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One change of the plan, named by `do`: `remove`, `up:<id>`, `down:<id>`, `shuffle`, `fill`, ... Then the plan again."""
    job = editable(request, job_id)
    verb, _, about = request.POST.get("do", "place").partition(":")
    if verb not in CHANGES:
        raise Http404
    try:
        words = CHANGES[verb](request, job, about)
    except (BatchItem.DoesNotExist, ValueError) as gone:
        if isinstance(gone, PlanError):
            return with_problem(request, job, str(gone), status=422)
        return with_problem(request, job, "That item is not in the plan any more.", status=409)
    except StaleState as stale:
        return with_problem(request, job, str(stale), status=409)
    if words:
        messages.success(request, words)
    return redirect(back(request, job, at=about if verb in ("up", "down") else "", did=verb))


def with_problem(request: HttpRequest, job: BatchJob, words: str, *, status: int) -> HttpResponse:
    """The plan as it now is, and above it why nothing was changed."""
    job.refresh_from_db()
    messages.error(request, f"{words} Nothing was changed; below is the plan as it is now.")
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    return shown(request, job, status=status)


def back(request: HttpRequest, job: BatchJob, *, at: str, did: str) -> str:
    """The page of the plan that shows the changed item, with the focus on the button that was pressed."""
    query: dict[str, Any] = {}
    place = item_of(job, at).position if at else 0
    page = (place - 1) // plan_page.PER_PAGE + 1 if place else request.GET.get("page", "")
    query |= {"page": page} if str(page) not in ("", "1") else {}
    query |= {"grid": request.GET["grid"]} if request.GET.get("grid") else {}
    query |= {"at": at, "did": did} if at else {}
    anchor = f"#row-{at}" if at else "#the-plan" if did != "fill" else "#coverage"
    return f"{reverse('plan', args=[job.pk])}{'?' if query else ''}{urlencode(query)}{anchor}"


def revision_of(request: HttpRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def item_of(job: BatchJob, key: str) -> BatchItem:
    """Raises BatchItem.DoesNotExist, also for what is no id."""
    try:
        return BatchItem.objects.get(job=job, pk=UUID(key))
    except ValueError as wrong:
        raise BatchItem.DoesNotExist from wrong


def remove(request: HttpRequest, job: BatchJob, about: str) -> str:
    """The item that is named, else those that are ticked."""
    keys = [UUID(key) for key in ([about] if about else request.POST.getlist("item"))]
    if not keys:
        return "Tick the items that are to be removed first."
    gone = drafts.remove_items(job, revision=revision_of(request), ids=keys, by=get_person(request))
    return f"{gone} item{'' if gone == 1 else 's'} removed."


def remove_repeats(request: HttpRequest, job: BatchJob, about: str) -> str:
    gone = drafts.remove_repeats(job, revision=revision_of(request), by=get_person(request))
    return f"{gone} item{'' if gone == 1 else 's'} with the prompt of an earlier one removed."


def step(request: HttpRequest, job: BatchJob, about: str, *, by: int) -> str:
    item = item_of(job, about)
    to = item.position + by
    drafts.move_item(job, revision=revision_of(request), item_id=item.pk, to=to, by=get_person(request))
    return ""


def place(request: HttpRequest, job: BatchJob, about: str) -> str:
    """The first item whose number in the form is another than its own, to that number."""
    for name, text in request.POST.items():
        if not name.startswith("place-"):
            continue
        item = item_of(job, name.removeprefix("place-"))
        text = str(text).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 6:
            continue
        if int(text) != item.position:
            revision = revision_of(request)
            drafts.move_item(job, revision=revision, item_id=item.pk, to=int(text), by=get_person(request))
            return f"“{item.topic[:60]}” is moved."
    return ""


def shuffle(request: HttpRequest, job: BatchJob, about: str) -> str:
    text = request.POST.get("shuffle_seed", "").strip()
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if text and not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise PlanError([RowProblem(None, "", "A seed is a whole number.")])
    seed = sign * int(digits) if text else drawn(0, uuid4()) % 10_000
    drafts.shuffle(job, revision=revision_of(request), seed=seed, by=get_person(request))
    return f"Shuffled with the seed {seed}."


def fill(request: HttpRequest, job: BatchJob, about: str) -> str:
    choices = plan_page.grid_choices(job)
    if about not in choices:
        raise Http404
    added = fill_gaps(job, pair=choices[about], revision=revision_of(request), by=get_person(request))
    if not added:
        return "No gap can be filled: no item of the plan takes both words."
    return f"{added} item{'' if added == 1 else 's'} added at the end of the plan, one for each gap."


CHANGES: dict[str, Callable[[HttpRequest, BatchJob, str], str]] = {
    "remove": remove,
    "repeats": remove_repeats,
    "up": lambda request, job, about: step(request, job, about, by=-1),
    "down": lambda request, job, about: step(request, job, about, by=1),
    "place": place,
    "shuffle": shuffle,
    "fill": fill,
}


# --- one item ------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def plan_item(request: HttpRequest, job_id: UUID, item_id: UUID) -> HttpResponse:
    """The values of one item; problems stand at their fields. A stale edit is answered 409 with both."""
    job = editable(request, job_id)
    if job.status != JobStatus.DRAFT:
        messages.error(request, DRAFT_ONLY)
        return redirect("batch", job.pk)
    item = plan_page.items_of(job).filter(pk=item_id).first()
    if item is None:
        raise Http404
    if request.method != "POST":
        return item_page(request, job, item, ItemForm(initial=ItemForm.typed(item), item=item))
    form = ItemForm(request.POST, item=item)
    if not form.is_valid():
        return item_page(request, job, item, form, status=422)
    try:
        drafts.edit_item(
            job, revision=revision_of(request), item_id=item.pk, fields=form.columns, by=get_person(request)
        )
    except drafts.PlanMoved as moved:
        form.add_error(
            None, f"{moved} Your values are below, beside those that are stored. Save again to keep yours."
        )
        return item_page(request, job, item, form, status=409)
    except (StaleState, BatchItem.DoesNotExist) as gone:
        messages.error(request, str(gone) or "That item is not in the plan any more.")
        return redirect("plan", job.pk)
    messages.success(request, f"Item {item.position} is saved.")
    return redirect(back(request, job, at=str(item.pk), did="edit"))


def item_page(
    request: HttpRequest, job: BatchJob, item: BatchItem, form: ItemForm, *, status: int = 200
) -> HttpResponse:
    (_, mark), *_ = plan_page.marked(job, [item])
    stored = ItemForm.typed(item) if status == 409 else {}
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
def item_prompt(request: HttpRequest, job_id: UUID, item_id: UUID) -> HttpResponse:
    """The prompt of one item, exactly as it would be sent; the page of the item, where it has problems."""
    job = visible(request, job_id)
    row = plan_page.items_of(job).filter(pk=item_id).first()
    if row is None:
        raise Http404
    (item,) = planned_items(job, position=row.position)
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
def start(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """`action`: `start`, `try`, or `save` (how it is to run, without starting)."""
    job = editable(request, job_id)
    action = request.POST.get("action", "save")
    if action == "try":
        return tried(request, job)
    form = RunForm(request.POST)
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    if not form.is_valid():
        return shown(request, job, form=form, status=422)
    return started(request, job, form) if action == "start" else saved(request, job, form)


def saved(request: HttpRequest, job: BatchJob, form: RunForm) -> HttpResponse:
    chosen = form.cleaned_data
    BatchJob.objects.editable_by(request.user).filter(pk=job.pk, status=JobStatus.DRAFT).update(
        name=chosen["name"],
        concurrent_processing=chosen["concurrency"],
        error_handling=chosen["error_handling"],
        priority=chosen["priority"],
    )
    messages.success(request, "Saved. The estimate follows.")
    return redirect(f"{reverse('plan', args=[job.pk])}#run")


def started(request: HttpRequest, job: BatchJob, form: RunForm) -> HttpResponse:
    chosen = form.cleaned_data
    try:
        job = start_draft(
            job,
            revision=revision_of(request),
            by=get_person(request),
            name=chosen["name"],
            concurrency=chosen["concurrency"],
            error_handling=ErrorHandling(chosen["error_handling"]),
            priority=Priority(chosen["priority"]),
            budget_usd=chosen["budget"],
            idempotency_key=chosen["idempotency_key"] or None,
        )
    except CANNOT_PRICE as wrong:
        for problem in wrong.problems if isinstance(wrong, PlanError) else [RowProblem(None, "", str(wrong))]:
            known = problem.column in form.fields and problem.row is None
            form.add_error(problem.column if known else None, problem.message if known else str(problem))
        return shown(request, job, form=form, status=422)
    except StaleState as stale:
        return with_problem(request, job, str(stale), status=409)
    return redirect("batch", job.pk)


def tried(request: HttpRequest, job: BatchJob) -> HttpResponse:
    try:
        trial = try_first(
            job,
            revision=revision_of(request),
            by=get_person(request),
            idempotency_key=request.POST.get("idempotency_key", "")[:200] or None,
        )
    except CANNOT_PRICE as wrong:
        return with_problem(
            request, job, str(wrong) or f"A plan of {TRIED} or fewer is started as a whole.", status=422
        )
    except StaleState as stale:
        return with_problem(request, job, str(stale), status=409)
    messages.success(
        request,
        f"“{trial.name}” has started. Its {TRIED} items have left this plan, so that nothing is paid twice; "
        "the estimate follows what they cost.",
    )
    return redirect(f"{reverse('plan', args=[job.pk])}#tried")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def discard(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """GET asks; POST discards for good."""
    job = editable(request, job_id)
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
