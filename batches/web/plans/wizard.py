"""The wizard: choose a kind of plan, describe it, and store it as a draft. Nothing is sent to Claude here."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from batches.actions.drafts import PlanMoved, replace_plan, save_draft
from batches.models import BatchJob
from batches.models.states import JobStatus
from batches.planning.plan import PlanError, PlannedItem, find_published_versions
from batches.planning.recipe import plan_from
from batches.planning.sources.csv_file import BOUNDS
from batches.planning.sources.csv_sample import describe_plan_columns, dump_plan_sample
from batches.planning.sources.listed import template_for
from batches.web.access import find_editable_job
from batches.web.plans.wizard_forms import FORMS, RecipeForm
from batches.web.posted import read_key, read_revision
from conversations.models import Conversation
from conversations.states import Status
from lib.stale_state import StaleState
from lib.tables.limits import describe_size
from templates_app.models import PromptTemplate, TemplateVersion
from workspaces.models import User, Workspace
from workspaces.people import get_person


@require_safe
@login_required
def list_kinds(request: HttpRequest) -> HttpResponse:
    """The kinds of plans to choose from."""
    drafts = Conversation.objects.visible_to(request.user).filter(status=Status.DRAFT)[:1].count()
    kinds = [
        {"kind": form.kind, "title": form.title, "about": form.about}
        for form in FORMS.values()
        if form.kind != "chosen" or drafts
    ]
    templates = list_usable_templates(get_person(request).working_workspace())
    return render(request, "batches/new.html", {"kinds": kinds, "templates": templates})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def create_plan(request: HttpRequest, kind: str) -> HttpResponse:
    """The form of one kind of plan. POST stores its plan as a new draft."""
    if kind not in FORMS:
        raise Http404
    return fill_form(request, kind=kind)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def configure_plan(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The form that a draft was made with. POST makes its plan again."""
    job = find_editable_job(request, job_id)
    if job.status != JobStatus.DRAFT:
        return redirect("batch", job.pk)
    if job.recipe.get("kind") not in FORMS:
        messages.info(
            request,
            "This plan was made over the API. Its items can be edited here, but no form can make it again.",
        )
        return redirect("plan", job.pk)
    return fill_form(request, kind=job.recipe["kind"], job=job)


def fill_form(request: HttpRequest, *, kind: str, job: BatchJob | None = None) -> HttpResponse:
    by = get_person(request)
    workspace = job.workspace if job else by.working_workspace()
    recipe = dict(job.recipe) if job else {}
    try:
        version = find_version(request, kind, recipe, by=by)
    except PlanError as wrong:
        messages.error(request, str(wrong))
        return redirect("batch_new")
    if kind == "matrix" and version is None:
        return render(
            request,
            "batches/choose_template.html",
            {"templates": list_usable_templates(workspace), "job": job},
        )
    form = build_form(request, kind, workspace, recipe, version=version, job=job)
    if request.method == "POST" and form.is_valid():
        answer = save_plan(
            request, form, by=by, workspace=version.workspace if version else workspace, job=job
        )
        if answer is not None:
            return answer
    context: dict[str, Any] = {
        "form": form,
        "job": job,
        "version": version,
        "seen": request.POST.get("seen") or (job and job.plan_revision),
    }
    if kind == "csv":
        context["columns"] = describe_plan_columns(find_published_versions(workspace))
    return render(request, "batches/configure.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def download_plan_sample(request: HttpRequest) -> HttpResponse:
    """A CSV file for the templates of the person's workspace, to begin with."""
    versions = find_published_versions(get_person(request).working_workspace())
    headers = {"Content-Disposition": 'attachment; filename="plan-sample.csv"'}
    return HttpResponse(dump_plan_sample(versions), content_type="text/csv; charset=utf-8", headers=headers)


def find_version(
    request: HttpRequest, kind: str, recipe: dict[str, Any], *, by: User
) -> TemplateVersion | None:
    """For a matrix, the published version of the template that the request or the draft names. Raises PlanError."""
    wanted = request.POST.get("template") or request.GET.get("template") or recipe.get("template")
    if kind != "matrix" or not wanted:
        return None
    try:
        return template_for(by, UUID(wanted))
    except ValueError as wrong:
        raise Http404 from wrong


def list_usable_templates(workspace: Workspace) -> list[PromptTemplate]:
    return list(PromptTemplate.objects.filter(workspace=workspace).usable().order_by("tier", "name"))


def build_form(
    request: HttpRequest,
    kind: str,
    workspace: Workspace,
    recipe: dict[str, Any],
    *,
    version: TemplateVersion | None,
    job: BatchJob | None,
) -> RecipeForm:
    cls = FORMS[kind]
    more: dict[str, Any] = {"workspace": workspace}
    if version is not None:
        more["version"] = version
    if kind == "chosen":
        more["drafts"] = Conversation.objects.filter(workspace=workspace, status=Status.DRAFT).newest_first()
    if request.method == "POST":
        return cls(request.POST, request.FILES, **more)
    typed = cls.fill_from(
        recipe if recipe.get("template") == (str(version.template_id) if version else None) else {}
    )
    return cls(initial={**typed, "name": job.name if job else "", "idempotency_key": str(uuid4())}, **more)


def save_plan(
    request: HttpRequest, form: RecipeForm, *, by: User, workspace: Workspace, job: BatchJob | None
) -> HttpResponse | None:
    """Store the plan and give the redirect to it, or None when the form says what is wrong."""
    recipe = form.build_recipe()
    upload = request.FILES.get("file")
    if upload is not None and (upload.size or 0) > BOUNDS.bytes:
        form.add_error("file", describe_size(upload.size or 0, BOUNDS.bytes))
    if not form.is_valid():
        return None
    notes: list[str] = []
    try:
        plan = plan_from(recipe, workspace, by=by, upload=upload.read() if upload else None, notes=notes)
        recipe |= {"notes": notes} if notes else {}
        made = store_plan(request, form, plan, recipe, by=by, workspace=workspace, job=job)
    except PlanError as wrong:
        form.add_problems(wrong.problems)
        return None
    except PlanMoved as moved:
        form.add_error(
            None, f"{moved} Your choices are shown below. Make the plan again to replace the other one."
        )
        return render(
            request,
            "batches/configure.html",
            {"form": form, "job": job, "version": getattr(form, "version", None), "seen": moved.revision},
            status=409,
        )
    except StaleState as stale:
        messages.error(request, str(stale))
        return redirect("batches") if job is None else redirect("batch", job.pk)
    return redirect("plan", made.pk)


def store_plan(
    request: HttpRequest,
    form: RecipeForm,
    plan: list[PlannedItem],
    recipe: dict[str, Any],
    *,
    by: User,
    workspace: Workspace,
    job: BatchJob | None,
) -> BatchJob:
    chosen = form.cleaned_data
    if job is None:
        return save_draft(
            workspace=workspace,
            plan=plan,
            by=by,
            name=chosen["name"] or f"{form.title}, {len(plan)} conversation{'' if len(plan) == 1 else 's'}",
            recipe=recipe,
            idempotency_key=read_key(request),
        )
    replace_plan(job, revision=read_revision(request, "seen"), plan=plan, recipe=recipe, by=by)
    return job
