"""The API of scenarios, edge cases and options: one of each as the pages have it, in the wire's names."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from lib.wire import checked, slice_of
from templates_app.api.library_serializers import (
    LIST_NAME,
    ONE_NAME,
    WIRE_NAMES,
    body_of,
    query_of,
    wire_row,
)
from templates_app.library import editing
from templates_app.library.checks import WrongRow
from templates_app.library.kinds import MODELS
from templates_app.models import PromptTemplate
from templates_app.states import RowKind
from templates_app.text.rendering import Problem
from templates_app.web.library import matching
from workspaces.models import User, Workspace
from workspaces.people import get_person


@api_view(["GET", "POST"])
def rows(request: Request, kind: RowKind) -> Response:
    return made(request, kind) if request.method == "POST" else listed(request, kind)


def listed(request: Request, kind: RowKind) -> Response:
    """What one may see, in the order of plans; `archived=true` gives the archived ones instead."""
    query = query_of(kind).of(request)
    mine: Any = MODELS[kind]._default_manager
    wanted = {
        "q": query["search"],
        "archived": query["archived"],
        "tag": query.get("tag", ""),
        "list": query.get("kind", ""),
    }
    rows = matching(mine.visible_to(request.user), kind, wanted)
    found = slice_of(
        rows.order_by(*(("kind",) if kind == RowKind.OPTION else ()), "position", "name", "pk"),
        limit=query["limit"],
        offset=query["offset"],
        searched=bool(query["search"]),
    )
    return Response({LIST_NAME[kind]: [wire_row(row) for row in found.rows], **found.about})


def made(request: Request, kind: RowKind) -> Response:
    """201 with the row, in the caller's own workspace."""
    given = checked(body_of(kind)(data=request.data))
    by = get_person(request)
    workspace = by.personal_workspace()
    row = editing.make(kind, workspace, fields_in(given, workspace), by=by)
    row.refresh_from_db()
    return Response({"success": True, ONE_NAME[kind]: wire_row(row)}, status=201)


@api_view(["GET", "PATCH"])
def row(request: Request, kind: RowKind, row_id: UUID) -> Response:
    """PATCH: what is left out keeps its value; `archived` takes it out of new plans or back."""
    mine: Any = MODELS[kind]._default_manager
    found = get_object_or_404(mine.visible_to(request.user).select_related("workspace"), pk=row_id)
    if request.method == "PATCH":
        if not mine.editable_by(request.user).filter(pk=found.pk).exists():
            raise PermissionDenied
        patch(found, checked(body_of(kind)(data=request.data, partial=True)), by=get_person(request))
    return Response({"success": True, ONE_NAME[kind]: wire_row(found)})


@transaction.atomic
def patch(row: Any, given: dict[str, Any], *, by: User) -> None:
    archived = given.pop("archived", None)
    if fields := fields_in(given, row.workspace):
        editing.change(row, fields, by=by)
    if archived is True and row.archived_at is None:
        row.archive(by=by)
    if archived is False and row.archived_at is not None:
        row.restore(by=by)


def fields_in(given: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """The body in our names, the template as a row. Raises WrongRow for one that is not in this workspace."""
    fields = {WIRE_NAMES.get(name, name): value for name, value in given.items() if name != "archived"}
    if key := fields.pop("template_id", None):
        template = PromptTemplate.objects.filter(workspace=workspace, pk=key).first()
        if template is None:
            raise WrongRow([Problem("template", "there is no such template in this workspace")])
        fields["template"] = template
    elif "templateId" in given:
        fields["template"] = None
    return fields
