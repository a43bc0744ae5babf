"""The API of scenarios, edge cases and options."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from lib.api.etags import hold_unchanged, render_with_etag
from lib.wire import fetch_slice, sort_rows, validate
from templates_app.api.library_serializers import (
    LIST_NAME,
    ONE_NAME,
    ONE_ROUTE,
    WIRE_NAMES,
    choose_body,
    choose_query,
    serialize_entry,
    serialize_in_full,
)
from templates_app.library import editing
from templates_app.library.checks import WrongEntry
from templates_app.library.kinds import MODELS, filter_entries
from templates_app.models import PromptTemplate
from templates_app.states import EntryKind
from templates_app.text.rendering import Problem
from workspaces.models import User, Workspace
from workspaces.people import get_person


@api_view(["GET", "POST"])
def list_or_create_entries(request: Request, kind: EntryKind) -> Response:
    return create_entry(request, kind) if request.method == "POST" else list_entries(request, kind)


def list_entries(request: Request, kind: EntryKind) -> Response:
    """The entries that the caller may see, in the order of plans. `archived=true` gives the archived ones instead."""
    query = choose_query(kind).of(request)
    mine: Any = MODELS[kind]._default_manager
    wanted = {
        "q": query["search"],
        "archived": query["archived"],
        "tag": query.get("tag", ""),
        "list": query.get("kind", ""),
    }
    entries = filter_entries(mine.visible_to(request.user), kind, wanted)
    entries = entries.order_by(*(("kind",) if kind == EntryKind.OPTION else ()), "position", "name", "pk")
    found = fetch_slice(
        sort_rows(entries, query),
        limit=query["limit"],
        offset=query["offset"],
        searched=bool(query["search"]),
    )
    return Response({LIST_NAME[kind]: [serialize_entry(entry) for entry in found.rows], **found.about})


def create_entry(request: Request, kind: EntryKind) -> Response:
    """201 with the new entry, in the caller's personal workspace."""
    given = validate(choose_body(kind)(data=request.data))
    by = get_person(request)
    workspace = by.working_workspace()
    entry = editing.make(kind, workspace, read_fields(given, workspace), by=by)
    entry.refresh_from_db()
    headers = {"Location": reverse(ONE_ROUTE[kind], args=[entry.pk])}
    return Response({ONE_NAME[kind]: serialize_in_full(entry)}, status=201, headers=headers)


@api_view(["GET", "PATCH"])
def show_or_change_entry(request: Request, kind: EntryKind, entry_id: UUID) -> Response:
    """GET shows the entry. PATCH sets the given fields; `archived` takes it out of new plans or back."""
    mine: Any = MODELS[kind]._default_manager
    rows = mine.select_related("workspace")
    if request.method == "PATCH":
        found = rows.get_editable_or_403(request.user, entry_id)
        given = validate(choose_body(kind)(data=request.data, partial=True))
        with hold_unchanged(request, [found.workspace, found], lambda: read_entry(request, kind, entry_id)):
            change_entry(found, given, by=get_person(request))
    return render_with_etag(read_entry(request, kind, entry_id))


def read_entry(request: Request, kind: EntryKind, entry_id: UUID) -> dict[str, Any]:
    mine: Any = MODELS[kind]._default_manager
    found = mine.select_related("workspace").get_visible_or_404(request.user, entry_id)
    return {ONE_NAME[kind]: serialize_in_full(found)}


@transaction.atomic
def change_entry(entry: Any, given: dict[str, Any], *, by: User) -> None:
    archived = given.pop("archived", None)
    if fields := read_fields(given, entry.workspace):
        editing.change(entry, fields, by=by)
    if archived is True and entry.archived_at is None:
        entry.archive(by=by)
    if archived is False and entry.archived_at is not None:
        entry.restore(by=by)


def read_fields(given: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """The fields in our names, with the template as an object. Raises WrongEntry if it is not in this workspace."""
    fields = {WIRE_NAMES.get(name, name): value for name, value in given.items() if name != "archived"}
    if key := fields.pop("template_id", None):
        template = PromptTemplate.objects.filter(workspace=workspace, pk=key).first()
        if template is None:
            raise WrongEntry([Problem("template", "there is no such template in this workspace")])
        fields["template"] = template
    elif "templateId" in given:
        fields["template"] = None
    return fields
