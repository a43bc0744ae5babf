"""GET /api/audit: the audit log of a workspace, for its owners."""

from typing import Any

from django.core.exceptions import PermissionDenied
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from lib.wire import OrderingField, PageQuery, WordField, camelize, fetch_slice, moment, sort_rows
from workspaces.audit_log.search import AuditFilter
from workspaces.models import AuditEntry, Membership
from workspaces.people import find_workspace, get_person
from workspaces.states import Action, TargetKind

FILTERS = ("who", "action", "kind", "target", "since", "until")
OWNERS = (Membership.Role.OWNER,)


class AuditQuery(PageQuery):
    """The query string: the filters of the page. Days are those of UTC, the last one included."""

    workspaceId = serializers.UUIDField(allow_null=True, default=None)
    who = serializers.CharField(max_length=254, default="")
    action = WordField(Action.choices, allow_blank=True, default="")
    kind = WordField(TargetKind.choices, allow_blank=True, default="")
    target = serializers.CharField(max_length=200, default="")
    since = serializers.DateField(allow_null=True, default=None)
    until = serializers.DateField(allow_null=True, default=None)
    ordering = OrderingField({"createdAt": ("created_at", "id")})


@api_view(["GET"])
def list_entries(request: Request) -> Response:
    """The newest first. 403 for members who do not own the workspace: the log tells what each person does."""
    query, by = AuditQuery.of(request), get_person(request)
    workspace = find_workspace(query["workspaceId"], by=by, roles=OWNERS)
    if not Membership.objects.of(by).owners().filter(workspace=workspace).exists():
        raise PermissionDenied
    rows = AuditFilter({name: query[name] for name in FILTERS}).find(workspace)
    found = fetch_slice(sort_rows(rows, query), limit=query["limit"], offset=query["offset"])
    return Response({"entries": [serialize_entry(each) for each in found.rows], **found.about})


def serialize_entry(entry: AuditEntry) -> dict[str, Any]:
    """`before` and `after` have what was changed, by its names. `token` is the name of the API token that was used."""
    return {
        "id": entry.pk,
        "at": moment(entry.created_at),
        "who": entry.who_name,
        "channel": entry.channel,
        "token": entry.token_name or None,
        "address": entry.address or None,
        "action": entry.action,
        "kind": entry.target_kind,
        "target": entry.target_name,
        "targetId": entry.target_id,
        "before": camelize(entry.before) if entry.before else None,
        "after": camelize(entry.after) if entry.after else None,
    }
