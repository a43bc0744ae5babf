"""The yield over the API: what became of the conversations that were asked for, and what an approved one costs."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from batches.reports.yields import Line, Yield, YieldReport
from lib.wire import QueryString, dollars
from templates_app.prompts.access import find_visible_template
from workspaces.people import get_person

GROUPS = ("template", "tier", "model")


class YieldQuery(QueryString):
    by = serializers.ChoiceField(choices=GROUPS, default="template")
    templateId = serializers.UUIDField(default=None)
    simulated = serializers.BooleanField(default=None, allow_null=True)


@api_view(["GET"])
def show_yield(request: Request) -> Response:
    """The yield of real or of simulated replies (by default what the server has now), of all templates or of one."""
    query, user = YieldQuery.of(request), get_person(request)
    template = find_visible_template(user, query["templateId"]).pk if query["templateId"] else None
    simulated = settings.DEMO if query["simulated"] is None else query["simulated"]
    report = YieldReport(user, simulated=simulated, template=template)
    lines = {"template": report.by_template, "tier": report.by_tier, "model": report.by_model}[query["by"]]()
    return Response(
        {
            "by": query["by"],
            "simulated": simulated,
            "total": serialize_numbers(report.total),
            "rows": [{**name_line(line, query["by"]), **serialize_numbers(line.numbers)} for line in lines],
        }
    )


def name_line(line: Line, by: str) -> dict[str, Any]:
    if line.version is None:
        return {"tier" if by == "tier" else "modelId": line.name}
    return {
        "templateId": line.version.template.pk,
        "templateName": line.version.template.name,
        "templateVersionId": line.version.pk,
        "templateVersion": line.version.number,
        "reasons": [{"reason": reason, "count": count} for reason, count in line.reasons],
    }


def serialize_numbers(found: Yield) -> dict[str, Any]:
    return {
        "asked": found.asked,
        "failed": found.failed,
        "generated": found.generated,
        "valid": found.valid,
        "approved": found.approved,
        "rejected": found.rejected,
        "sentBack": found.sent_back,
        "undecided": found.waiting,
        "costUsd": dollars(found.cost),
        "failedCostUsd": dollars(found.failed_cost),
        "repeatedCostUsd": dollars(found.repeated_cost),
        "regenerationCostUsd": dollars(found.regeneration_cost),
        "costPerApprovedUsd": dollars(found.cost_per_approved),
    }
