"""The API of batches: estimate, start, watch, control. The rules are in `batches.actions` and `batches.planning`."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import read_idempotency_key
from batches.actions import jobs
from batches.actions.controls import change, duplicate, retry_failed
from batches.api import responses
from batches.api.plans import BodyPlan, plan_from_body, save_as_draft
from batches.api.requests import refuse_used_key
from batches.api.serializers import BatchBody, BatchChangeBody, CopyBody, JobsQuery, StartBody
from batches.models import BatchItem, BatchJob
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.estimate.estimate import Estimate, estimate_now
from batches.planning.judging import estimate_following
from batches.planning.plan import PlanError
from batches.reports.newest_versions import find_newest
from batches.reports.progress import progress
from batches.reports.token_usage import tokens_of
from lib.api.etags import hold_unchanged, render_with_etag
from lib.wire import PageQuery, fetch_slice, sort_rows, validate
from workspaces.models import RequestKey, User
from workspaces.people import get_person

MOVES = {"pause": jobs.pause, "cancel": jobs.cancel}


# --- before the start, and the start ------------------------------------------------------------------


@api_view(["POST"])
def generate_batch(request: Request) -> Response:
    """202 with the job, at once, or 201 with a draft that waits. The same Idempotency-Key of the same person gives the same job."""
    by = get_person(request)
    key = read_idempotency_key(request)
    job = jobs.by_idempotency_key(by, key) or start_or_draft(
        validate(StartBody(data=request.data)), by=by, key=key
    )
    headers = {"Location": reverse("api_batch_status", args=[job.pk])}
    if job.status == JobStatus.DRAFT:
        return Response(responses.serialize_draft(job), status=201, headers=headers)
    return Response(responses.serialize_start(job), status=202, headers=headers)


def start_or_draft(given: dict[str, Any], *, by: User, key: RequestKey | None) -> BatchJob:
    try:
        found = plan_from_body(given, by=by)
        if given["draft"]:
            return save_as_draft(found, given, by=by, key=key)
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
            judge_budget_usd=choose_judge_budget(found, given),
        )
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong


def choose_judge_budget(found: BodyPlan, given: dict[str, Any]) -> Decimal | None:
    """What the judge may spend: the amount of the body, else with `judge` what its estimate offers. None: no judge."""
    named: Decimal | None = given["judgeBudgetUsd"]
    if named is not None or not given["judge"]:
        return named
    priced = estimate_now(found.plan, concurrency=given.get("concurrentProcessing"))
    return estimate_judge(found, priced).default_budget


def estimate_judge(found: BodyPlan, priced: Estimate) -> Estimate:
    return estimate_following(
        found.workspace,
        items=len(found.plan),
        output_tokens=priced.output_tokens,
        concurrency=priced.concurrency,
    )


@api_view(["POST"])
def estimate_batch(request: Request) -> Response:
    """Cost and time of the batch that this body describes, with their range and basis. Nothing is stored."""
    given = validate(BatchBody(data=request.data))
    try:
        found = plan_from_body(given, by=get_person(request))
        priced = estimate_now(
            found.plan, concurrency=given.get("concurrentProcessing"), budget_usd=given["budgetUsd"]
        )
        judged = estimate_judge(found, priced) if given["judge"] else None
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong
    versions = {item.version.pk: item.version for item in found.plan}
    beside = {"judge": responses.serialize_estimate(judged.as_json())} if judged else {}
    return Response({**responses.serialize_priced_plan(priced, versions), **beside})


# --- jobs -----------------------------------------------------------------------------------------------


@api_view(["GET"])
def list_batches(request: Request) -> Response:
    """The batches, without single generations, the newest first. `status=active` orders them by priority, then by age."""
    query = JobsQuery.of(request)
    jobs = BatchJob.objects.visible_to(request.user).listed()
    if query["status"] == "active":
        jobs = jobs.active().order_by("priority", "created_at", "id")
    else:
        jobs = (jobs.filter(status=query["status"]) if query["status"] else jobs).newest_first()
    found = fetch_slice(sort_rows(jobs, query), limit=query["limit"], offset=query["offset"])
    return Response({"jobs": [responses.serialize_job(job) for job in found.rows], **found.about})


@api_view(["GET", "PATCH"])
def show_or_change_batch(request: Request, job_id: UUID) -> Response:
    return change_batch(request, job_id) if request.method == "PATCH" else show_batch(request, job_id)


def show_batch(request: Request, job_id: UUID) -> Response:
    """The batch with one page of its items, in the order of the plan."""
    query = PageQuery.of(request)
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    rows = BatchItem.objects.filter(job=job).in_plan_order().with_conversation_summary()
    items = fetch_slice(rows, limit=query["limit"], offset=query["offset"])
    newest = find_newest(items.rows)
    return render_with_etag(
        {
            **responses.serialize_status(job, progress(job)),
            **responses.serialize_settings(job),
            **responses.serialize_cache(tokens_of(job)),
            "items": [responses.serialize_item(item, newest=newest.get(item.pk)) for item in items.rows],
            **items.about,
        },
        state=responses.serialize_changed_settings(job),
    )


def change_batch(request: Request, job_id: UUID) -> Response:
    """Carry out one verb, or change settings. The action itself checks whether the state of the batch allows it."""
    job: BatchJob = BatchJob.objects.get_editable_or_403(request.user, job_id)
    by = get_person(request)
    refuse_used_key(request)
    given = validate(BatchChangeBody(data=request.data))
    try:
        with hold_unchanged(request, [job], lambda: read_state(job)):
            answer = carry_out(job, given, request, by=by)
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong
    return render_with_etag(answer, state=read_state(job))


def read_state(job: BatchJob) -> dict[str, Any]:
    """What a change of a batch is about, for its ETag: status and settings, and not its progress."""
    return responses.serialize_changed_settings(BatchJob.objects.get(pk=job.pk))


def carry_out(job: BatchJob, given: dict[str, Any], request: Request, *, by: User) -> dict[str, Any]:
    if given.get("action") == "retry_failed":
        return retry_items(job, given, by=by, key=read_idempotency_key(request))
    if given.get("action") == "resume":
        job = jobs.resume(job, by=by, budget_usd=given.get("budgetUsd"))
    elif "action" in given:
        job = MOVES[given["action"]](job, by=by)
    else:
        return responses.serialize_changed_settings(change(job, by=by, **read_settings(given)))
    return {"jobId": job.pk, "status": job.status}


def retry_items(job: BatchJob, given: dict[str, Any], *, by: User, key: RequestKey | None) -> dict[str, Any]:
    n = retry_failed(
        job,
        by=by,
        kind=given.get("errorKind"),
        items=given.get("itemIds"),
        budget_usd=given.get("budgetUsd"),
        key=key,
    )
    return {"jobId": job.pk, "status": job.status, "retriedItems": n}


def read_settings(given: dict[str, Any]) -> dict[str, Any]:
    """The settings of a body under the names of the controls. A setting that the body leaves out is None."""
    return {
        "concurrency": given.get("concurrentProcessing"),
        "priority": Priority.of(given["priority"]) if "priority" in given else None,
        "budget_usd": given.get("budgetUsd"),
    }


@api_view(["POST"])
def duplicate_batch(request: Request, job_id: UUID) -> Response:
    """202 with a new job of the same items, at once. The body may change how it is run."""
    job: BatchJob = BatchJob.objects.get_editable_or_403(request.user, job_id)
    refuse_used_key(request)
    given = validate(CopyBody(data=request.data))
    handling = given.get("errorHandling")
    try:
        made = duplicate(
            job,
            by=get_person(request),
            name=given.get("name"),
            error_handling=ErrorHandling(handling) if handling else None,
            key=read_idempotency_key(request),
            **read_settings(given),
        )
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong
    headers = {"Location": reverse("api_batch_status", args=[made.pk])}
    return Response(responses.serialize_start(made), status=202, headers=headers)


@api_view(["GET"])
def show_status(request: Request, job_id: UUID) -> Response:
    """The status alone: small and quick, for callers that poll."""
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    return Response(responses.serialize_status(job, progress(job)))
