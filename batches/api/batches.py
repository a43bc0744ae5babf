"""The batches' API: estimate, start, watch, control. Rules are in `batches.actions.jobs`, `batches.actions.controls` and the plan."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from batches.actions import jobs
from batches.actions.controls import change, duplicate, retry_failed
from batches.api import responses
from batches.api.plans import keep, meant
from batches.api.serializers import BatchBody, ChangeBody, CopyBody, JobsQuery, StartBody
from batches.models import BatchJob
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import PlanError, PlannedItem
from batches.reports.progress import progress
from batches.reports.token_usage import tokens_of
from batches.web.jobs import batch_page
from lib import clock
from lib.wire import PageQuery, fetch_slice, validate
from workspaces.models import User
from workspaces.people import get_person

MOVES = {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}
LONGEST_KEY = 200


# --- before the start, and the start ------------------------------------------------------------------


@api_view(["POST"])
def generate_batch(request: Request) -> Response:
    """202 with the job, at once; 201 with a draft that waits. The same Idempotency-Key of the same person gives the same job."""
    by = get_person(request)
    key = idempotency_key(request)
    job = jobs.by_idempotency_key(by, key) or start(validate(StartBody(data=request.data)), by=by, key=key)
    headers = {"Location": reverse("api_batch_status", args=[job.pk])}
    if job.status == JobStatus.DRAFT:
        return Response(responses.drafted(job), status=201, headers=headers)
    return Response(responses.started(job), status=202, headers=headers)


def start(given: dict[str, Any], *, by: User, key: str | None) -> BatchJob:
    try:
        found = meant(given, by=by)
        if given["draft"]:
            return keep(found, given, by=by, key=key)
        return jobs.start_batch(
            workspace=found.workspace,
            plan=found.plan,
            by=by,
            name=given["name"],
            concurrency=given.get("concurrentProcessing"),
            error_handling=ErrorHandling(given["errorHandling"]),
            priority=Priority.of(given["priority"]),
            budget_usd=given["budgetUsd"],
            idempotency_key=key,
            tier=given["tier"] or "",
            seed=given["seed"],
            shared_parameters=given["sharedParameters"],
        )
    except PlanError as wrong:
        raise responses.on_the_wire(wrong) from wrong


@api_view(["POST"])
def batch_estimate(request: Request) -> Response:
    """Cost and time of the same body, with their range and basis. It makes nothing."""
    given = validate(BatchBody(data=request.data))
    try:
        plan = meant(given, by=get_person(request)).plan
        found = estimate_of(plan, given)
    except PlanError as wrong:
        raise responses.on_the_wire(wrong) from wrong
    versions = {item.version.pk: item.version for item in plan}
    return Response(responses.priced(found, versions))


def estimate_of(plan: list[PlannedItem], given: dict[str, Any]) -> Estimate:
    return estimate(
        plan,
        model=settings.ENVIRONMENT.anthropic_model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        concurrency=given.get("concurrentProcessing") or settings.ENVIRONMENT.max_concurrency,
        on=clock.today(),
    )


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable():
        problem = f"At most {LONGEST_KEY} printable characters."
        raise ValidationError({"Idempotency-Key": [problem]})
    return key or None


# --- jobs -----------------------------------------------------------------------------------------------


@api_view(["GET"])
def batches(request: Request) -> Response:
    """Batches, not single generations; the newest first, `status=active` by priority, then age."""
    query = JobsQuery.of(request)
    jobs = BatchJob.objects.visible_to(request.user).listed()
    if query["status"] == "active":
        jobs = jobs.active().order_by("priority", "created_at", "id")
    else:
        jobs = (jobs.filter(status=query["status"]) if query["status"] else jobs).newest_first()
    found = fetch_slice(jobs, limit=query["limit"], offset=query["offset"])
    return Response({"jobs": [responses.job_row(job) for job in found.rows], **found.about})


@api_view(["GET", "PATCH"])
def batch(request: Request, job_id: UUID) -> Response:
    return moved(request, job_id) if request.method == "PATCH" else shown(request, job_id)


def shown(request: Request, job_id: UUID) -> Response:
    """The batch with its items in plan order, a page of them."""
    query = PageQuery.of(request)
    job = visible(request, job_id)
    items = fetch_slice(batch_page.items_of(job, ""), limit=query["limit"], offset=query["offset"])
    return Response(
        {
            **responses.status_of(job, progress(job)),
            **responses.settings_of(job),
            **responses.cache_of(tokens_of(job)),
            "items": [responses.item_row(item) for item in items.rows],
            **items.about,
        }
    )


def moved(request: Request, job_id: UUID) -> Response:
    """One verb, or other settings; each is checked against the batch's state where it is carried out."""
    job, by = editable(request, job_id), get_person(request)
    given = validate(ChangeBody(data=request.data))
    try:
        if given.get("action") == "retry_failed":
            return Response(retried(job, given, by=by, key=idempotency_key(request)))
        if "action" in given:
            job = MOVES[given["action"]](job, by=by)
            return Response({"jobId": job.pk, "status": job.status})
        return Response(responses.changed(change(job, by=by, **settings_in(given))))
    except PlanError as wrong:
        raise responses.on_the_wire(wrong) from wrong


def retried(job: BatchJob, given: dict[str, Any], *, by: User, key: str | None) -> dict[str, Any]:
    n = retry_failed(
        job,
        by=by,
        kind=given.get("errorKind"),
        items=given.get("itemIds"),
        budget_usd=given.get("budgetUsd"),
        key=key,
    )
    return {"jobId": job.pk, "status": job.status, "retriedItems": n}


def settings_in(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of a body as the controls name them; what it leaves out is None."""
    return {
        "concurrency": given.get("concurrentProcessing"),
        "priority": Priority.of(given["priority"]) if "priority" in given else None,
        "budget_usd": given.get("budgetUsd"),
    }


@api_view(["POST"])
def batch_duplicate(request: Request, job_id: UUID) -> Response:
    """202 with a new job of the same items, at once. The body may change how it is run."""
    job = editable(request, job_id)
    given = validate(CopyBody(data=request.data))
    handling = given.get("errorHandling")
    try:
        made = duplicate(
            job,
            by=get_person(request),
            name=given.get("name"),
            error_handling=ErrorHandling(handling) if handling else None,
            key=idempotency_key(request),
            **settings_in(given),
        )
    except PlanError as wrong:
        raise responses.on_the_wire(wrong) from wrong
    headers = {"Location": reverse("api_batch_status", args=[made.pk])}
    return Response(responses.started(made), status=202, headers=headers)


@api_view(["GET"])
def batch_status(request: Request, job_id: UUID) -> Response:
    """Small and quick: made to be polled."""
    job = visible(request, job_id)
    return Response(responses.status_of(job, progress(job)))


def visible(request: Request, job_id: UUID) -> BatchJob:
    jobs = BatchJob.objects.visible_to(request.user)
    job: BatchJob = get_object_or_404(jobs, pk=job_id)
    return job


def editable(request: Request, job_id: UUID) -> BatchJob:
    """404 for what one may not see, 403 for what one may see but not change."""
    job = visible(request, job_id)
    if not BatchJob.objects.editable_by(request.user).filter(pk=job.pk).exists():
        raise PermissionDenied
    return job
