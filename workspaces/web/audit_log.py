"""The page of the audit log, and the log as a file. Only owners of a workspace see it: it tells what each person does."""

import json
from collections.abc import Iterator
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lib.tables.guarded_csv import BYTE_ORDER_MARK, encode_rows
from workspaces.audit import describe, record
from workspaces.audit_log.search import PER_PAGE, AuditFilter, fetch_older, iter_all, read_number
from workspaces.chosen import choose_changeable_workspace
from workspaces.models import AuditEntry, AuditEntryQuerySet, Membership, Workspace
from workspaces.people import get_person
from workspaces.states import Action, TargetKind

COLUMNS = (
    *("when", "who", "through", "api_token", "address", "action", "kind", "target", "target_id"),
    *("before", "after"),
)


@never_cache
@require_safe
@login_required
def list_entries(request: HttpRequest) -> HttpResponse:
    """Who did what in this workspace, on what, when and where from. For its owners; other members get 403."""
    chosen = choose_changeable_workspace(request)
    owned = Workspace.objects.filter(
        membership__user=get_person(request),
        membership__role=Membership.Role.OWNER,
        pk__in=[each.pk for each in chosen.others],
    )
    form = AuditFilter(request.GET)
    before = read_number(request.GET.get("before", ""))
    found = fetch_older(form.find(chosen.workspace), than=before, at_most=PER_PAGE + 1)
    shown = found[:PER_PAGE]
    context = {
        "chosen": replace(
            chosen, others=list(owned.order_by("name"))
        ),  # to those links the answer is not 403
        "form": form,
        "lines": [describe(entry) for entry in shown],
        "older": shown[-1].pk if len(found) > PER_PAGE else None,
        "is_first": before is None,
    }
    return render(request, "workspaces/audit_log.html", context)


@never_cache
@require_safe
@login_required
def download_entries(request: HttpRequest) -> HttpResponseBase:
    """The same entries as CSV, the newest million of them. The download is in the log too."""
    chosen = choose_changeable_workspace(request)
    form = AuditFilter(request.GET)
    if not form.is_valid():
        messages.error(request, "A filter cannot be read. Correct it, then download again.")
        return redirect(f"{reverse('settings_audit')}?{request.GET.urlencode()}")
    with transaction.atomic():
        record(
            action=Action.DOWNLOAD,
            kind=TargetKind.AUDIT_LOG,
            name=chosen.workspace.name,
            workspace=chosen.workspace.pk,
            by=get_person(request),
            after={name: value for name, value in form.cleaned_data.items() if value},
        )
    headers = {
        "Content-Disposition": 'attachment; filename="audit-log.csv"',
        "Cache-Control": "private, no-store",
    }
    parts = write_entries(form.find(chosen.workspace))
    return StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8", headers=headers)


def write_entries(rows: AuditEntryQuerySet) -> Iterator[bytes]:
    """CSV with the columns `COLUMNS`, in parts."""
    yield encode_rows([COLUMNS], first=BYTE_ORDER_MARK)
    for entries in iter_all(rows):
        yield encode_rows([list_cells(each) for each in entries])


def list_cells(entry: AuditEntry) -> list[str]:
    return [
        entry.created_at.isoformat(),
        entry.who_name,
        entry.channel,
        entry.token_name,
        entry.address or "",
        entry.action,
        entry.target_kind,
        entry.target_name,
        str(entry.target_id or ""),
        *(json.dumps(each, ensure_ascii=False) if each else "" for each in (entry.before, entry.after)),
    ]
