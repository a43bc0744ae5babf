"""/api/exports and what is below it: list, start, one export, its check, its files, cancelling, writing, writing again, pushing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import start_once
from background.models import BackgroundJob
from exports.api.serializers import (
    ExportBody,
    ExportsQuery,
    FileQuery,
    PushBody,
    build_query,
    serialize_export,
    serialize_whole,
)
from exports.models import Export
from exports.pushing.actions import push_export
from exports.running.actions import (
    Choices,
    cancel_export,
    create_export,
    delete_export,
    recreate_export,
    write_export,
)
from exports.running.sending import send_file
from lib.api.etags import hold_unchanged, render_with_etag
from lib.wire import camelize, fetch_slice, sort_rows, validate
from workspaces.models import Membership, RequestKey, User
from workspaces.people import find_workspace, get_person

RELATED = ("job", "created_by", "since", "push_job")


@api_view(["GET", "POST"])
def list_or_create_exports(request: Request) -> Response:
    return _create(request) if request.method == "POST" else _list(request)


def _list(request: Request) -> Response:
    """The exports of the caller's workspaces, the newest first."""
    query = ExportsQuery.of(request)
    rows = Export.objects.visible_to(request.user).for_lists()
    found = fetch_slice(sort_rows(rows, query), limit=query["limit"], offset=query["offset"])
    return Response({"exports": [serialize_export(each) for each in found.rows], **found.about})


def _create(request: Request) -> Response:
    """202 with the export, which is made in the background."""
    given, by = validate(ExportBody(data=request.data)), get_person(request)
    workspace = find_workspace(given["workspaceId"], by=by, roles=Membership.REVIEWERS)
    choices, pauses = _read_choices(given, by=by), given["pauseOnWarnings"]

    def start(sent: RequestKey | None) -> Export:
        return create_export(workspace=workspace, by=by, pauses=pauses, sent=sent, **choices)

    return _accept(start_once(request, start, _find_of_job))


def _read_choices(given: dict[str, Any], *, by: User) -> Choices:
    since = None
    if given["since"] is not None:
        home = given["workspaceId"] or by.working_workspace(Membership.REVIEWERS).pk
        since = Export.objects.visible_to(by).frozen_in(home).filter(pk=given["since"]).first()
        if since is None:
            raise ValidationError({"since": ["There is no such export in this workspace."]})
    return Choices(
        name=given["name"],
        purpose=given["purpose"],
        format=given["format"],
        options={
            "system": given["system"],
            "metadata": given["metadata"],
            "train_flags": given["trainFlags"] or None,
        },
        token_limit=given["tokenLimit"],
        filter=build_query(given["filter"]),
        chosen=given["ids"],
        approved_only=given["approvedOnly"],
        simulated=given["simulated"],
        since=since,
        validation_percent=given["validationPercent"],
        test_percent=given["testPercent"],
        seed=given["seed"],
        most_per_cell=given["mostPerCell"],
    )


def _accept(export: Export) -> Response:
    headers = {"Location": reverse("api_export", args=[export.pk])}
    return Response({"export": serialize_export(export)}, status=202, headers=headers)


@api_view(["GET", "DELETE"])
def show_or_delete_export(request: Request, export_id: UUID) -> Response:
    """DELETE removes its files and cancels its job; the row stays, with its manifest. 409 for one that is deleted already."""
    if request.method == "DELETE":
        found = Export.objects.select_related(*RELATED).get_reviewable_or_403(request.user, export_id)
        with hold_unchanged(request, [found], lambda: _read(request, export_id)):
            deleted = delete_export(found, by=get_person(request))
        return Response({"export": serialize_export(deleted)})
    return render_with_etag(_read(request, export_id))


@api_view(["GET"])
def show_preflight(request: Request, export_id: UUID) -> Response:
    """What the check before the files found; `preflight` is null until it has run."""
    found = _find(request, export_id)
    return Response({"status": found.state, "preflight": camelize(found.report) or None})


@api_view(["GET"])
def download(request: Request, export_id: UUID) -> HttpResponseBase:
    """One file as a stream: `?file=NUMBER`, which an export of one file does not need."""
    found, query = _find(request, export_id), FileQuery.of(request)
    if query["file"] is None and len(found.files) > 1 and found.has_files:
        names = ", ".join(f"{number}: {each['name']}" for number, each in enumerate(found.files, start=1))
        raise ValidationError({"file": [f"It has several files. Choose one by its number: {names}."]})
    return send_file(found, query["file"] or 1, to=get_person(request))


@api_view(["POST"])
def cancel(request: Request, export_id: UUID) -> Response:
    found = Export.objects.select_related(*RELATED).get_reviewable_or_403(request.user, export_id)
    return _accept(cancel_export(found, by=get_person(request)))


@api_view(["POST"])
def write(request: Request, export_id: UUID) -> Response:
    """Write the files after a check that found something, or begin again after a failure. 409 where it cannot be."""
    return _act(request, export_id, write_export)


@api_view(["POST"])
def write_again(request: Request, export_id: UUID) -> Response:
    """Write the files again from the frozen rows: the same bytes. 409 where it cannot be."""
    return _act(request, export_id, recreate_export)


@api_view(["POST"])
def push(request: Request, export_id: UUID) -> Response:
    """202 with the export, whose folder is pushed to the Hub in the background. 409 where it cannot be."""
    found = Export.objects.select_related(*RELATED).get_editable_or_403(request.user, export_id)
    given = validate(PushBody(data=request.data))
    by = get_person(request)

    def start(sent: RequestKey | None) -> Export:
        return push_export(found, repository=given["repository"], public=given["public"], by=by, sent=sent)

    found = start_once(request, start, _find_of_job)
    headers = {"Location": reverse("api_export", args=[found.pk])}
    return Response({"export": serialize_whole(found)}, status=202, headers=headers)


def _read(request: Request, export_id: UUID) -> dict[str, Any]:
    return {"export": serialize_whole(_find(request, export_id))}


def _find(request: Request, export_id: UUID) -> Export:
    found: Export = Export.objects.select_related(*RELATED).get_visible_or_404(request.user, export_id)
    return found


def _find_of_job(job: BackgroundJob) -> Export:
    """The export of a job that an earlier request has started."""
    found: Export = Export.objects.select_related(*RELATED).get(pk=job.parameters["export"])
    return found


def _act(request: Request, export_id: UUID, action: Callable[..., Export]) -> Response:
    found = Export.objects.select_related(*RELATED).get_reviewable_or_403(request.user, export_id)

    def start(sent: RequestKey | None) -> Export:
        started: Export = action(found, by=get_person(request), sent=sent)
        return started

    return _accept(start_once(request, start, _find_of_job))
