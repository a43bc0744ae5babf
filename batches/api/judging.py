"""Let the judge read conversations over the API: the price first, then the start with a budget."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import read_idempotency_key
from batches.actions import jobs
from batches.actions.judging import start_judging
from batches.api import responses
from batches.api.serializers import ConcurrencyField
from batches.planning.judging import JudgePlan, estimate_judging, plan_judging
from batches.planning.plan import LARGEST_PLAN, PlanError
from conversations.api.bulk import FilterBody
from conversations.api.serializers import filter_conversations
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation
from lib.count_changed import CountChanged
from lib.row_problems import RowProblem
from lib.wire import StrictSerializer, validate
from workspaces.models import User
from workspaces.people import get_person


class JudgedBody(StrictSerializer):
    """`ids`, or a `filter`. The newest version of each conversation is meant."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=LARGEST_PLAN, allow_empty=False, required=False
    )
    filter = FilterBody(required=False)
    concurrentProcessing = ConcurrencyField(required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in given) == ("filter" in given):
            raise serializers.ValidationError({"ids": "Name the conversations by ids, or by a filter."})
        return given


class StartJudgingBody(JudgedBody):
    """`budgetUsd` and, for a filter, `count` are what the person has confirmed."""

    name = serializers.CharField(max_length=200, allow_blank=True, default="")
    budgetUsd = serializers.DecimalField(max_digits=18, decimal_places=9, min_value=0)
    count = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        if "filter" in given and "count" not in given:
            problem = "How many conversations does the filter find? The number is checked again."
            raise serializers.ValidationError({"count": problem})
        return given


@api_view(["POST"])
def estimate_judging_many(request: Request) -> Response:
    """Cost and time of the judgements, with their range and basis. Nothing is stored but the rubric's first version."""
    given = validate(JudgedBody(data=request.data))
    try:
        plan = plan_from_selection(given, by=get_person(request))
        found = estimate_judging(plan, concurrency=given.get("concurrentProcessing"))
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong
    about = {"totalItems": found.items, "rubricVersion": plan.rubric.version}
    return Response({**about, **responses.serialize_estimate(found.as_json())})


@api_view(["POST"])
def start_judging_many(request: Request) -> Response:
    """202 with the batch. The same Idempotency-Key of the same person gives the same batch; a count that has changed is a 409."""
    by, key = get_person(request), read_idempotency_key(request)
    job = jobs.by_idempotency_key(by, key)
    if job is None:
        given = validate(StartJudgingBody(data=request.data))
        try:
            plan = plan_from_selection(given, by=by)
            if given.get("count", len(plan.conversations)) != len(plan.conversations):
                raise CountChanged(len(plan.conversations))
            job = start_judging(
                plan,
                by=by,
                name=given["name"],
                concurrency=given.get("concurrentProcessing"),
                budget_usd=given["budgetUsd"],
                key=key,
            )
        except PlanError as wrong:
            raise responses.use_wire_names(wrong) from wrong
    headers = {"Location": reverse("api_batch_status", args=[job.pk])}
    return Response(responses.serialize_start(job), status=202, headers=headers)


def plan_from_selection(given: dict[str, Any], *, by: User) -> JudgePlan:
    """The newest versions with a text, where this person may spend money. Raises PlanError, also for ids that are not there."""
    rows = Conversation.objects.editable_by(by).select_related("workspace")
    if "filter" in given:
        found = list(filter_conversations(rows, given["filter"]).filter(turn_count__gt=0)[: LARGEST_PLAN + 1])
    else:
        keys = list(dict.fromkeys(given["ids"]))
        known = {each.pk: each for each in rows.heads().filter(pk__in=keys)}
        missing = [
            RowProblem(row, "ids", f"{key} is not there, or is not the newest version.")
            for row, key in enumerate(keys, start=1)
            if key not in known
        ]
        if missing:
            raise PlanError(missing)
        found = [known[key] for key in keys]
    workspace = found[0].workspace if found else by.working_workspace()
    return plan_judging(workspace, find_rubric(workspace), found)
