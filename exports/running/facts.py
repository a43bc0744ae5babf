"""What an export holds, in numbers and names, as it was when it was frozen: for its page, its manifest and its card."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from exports.formats import FORMATS
from exports.models import Export, ExportItem
from exports.models.states import Split
from lib.amounts import format_number
from templates_app.models import TemplateVersion

MOST_NAMED = 200  # models, template versions, reviewers, cells; beyond these only their number is told
NOBODY = "nobody"
OUTCOME = "outcome"  # in the result of a job


class Outcome(StrEnum):
    """How the job of an export has ended."""

    WAITS = "waits"
    BLOCKED = "blocked"
    WRITTEN = "written"


def describe_outcome(export: Export, outcome: Outcome, **numbers: int) -> dict[str, Any]:
    """What the last step of its job says of an export: the outcome, and how many conversations and pairs it is about."""
    pairs = FORMATS[export.format].takes == "pairs"
    counts = export.counts
    said = {"conversations": counts["conversations"], **({"pairs": counts["items"]} if pairs else {})}
    return {OUTCOME: outcome.value, **said, **numbers}


def describe_items(export: Export) -> dict[str, Any]:
    """Counts of the frozen items of this export, in a few queries. A pair counts by its approved version."""
    rows = ExportItem.objects.filter(export=export).order_by()
    numbers = rows.aggregate(
        items=Count("pk"),
        conversations=Count("conversation", distinct=True),
        groups=Count("group", distinct=True),
        simulated=Count("pk", filter=Q(conversation__simulated=True) | Q(other__simulated=True)),
        turns=Coalesce(Sum("conversation__turn_count"), 0),
        cost=Sum("conversation__actual_cost_usd"),
    )
    cost = numbers.pop("cost")
    return {
        **numbers,
        "cost_usd": None if cost is None else format_number(cost),
        "splits": {split: count for split in Split.values if (count := _count(rows, "split").get(split))},
        "statuses": _count(rows, "status"),
        "tiers": _count(rows, "conversation__tier"),
        "models": _count(rows, "conversation__model"),
        "languages": _count(rows, "conversation__language"),
        "scorers": _count(
            rows.annotate(scorer=KeyTextTransform("scorer", "conversation__quality_metrics")), "scorer"
        ),
        "reviewers": _count_reviewers(rows),
        "template_versions": _describe_template_versions(rows),
        "cells": _describe_cells(rows),
    }


def _count(rows: Any, field: str) -> dict[str, int]:
    """How many there are of each value, the most frequent first."""
    found = rows.values_list(field).annotate(n=Count("pk")).order_by("-n", field)[:MOST_NAMED]
    return {"" if value is None else str(value): count for value, count in found}


def _count_reviewers(rows: Any) -> dict[str, int]:
    """By the e-mail address or the name of whoever approved it."""
    by = rows.values_list("conversation__approved_by__email", "conversation__approved_by__username")
    found = by.annotate(n=Count("pk")).order_by("-n", "conversation__approved_by__username")[:MOST_NAMED]
    return {(email or name or NOBODY): count for email, name, count in found}


def _describe_template_versions(rows: Any) -> list[Mapping[str, Any]]:
    made = rows.exclude(conversation__template_version=None)
    counts = dict(made.values_list("conversation__template_version").annotate(n=Count("pk")))
    found = TemplateVersion.objects.filter(pk__in=counts).select_related("template")
    return [
        {
            "id": str(each.pk),
            "name": each.template.name,
            "number": each.number,
            "conversations": counts[each.pk],
        }
        for each in found.order_by("template__name", "number")[:MOST_NAMED]
    ]


def _describe_cells(rows: Any) -> list[Mapping[str, Any]]:
    """How many of each tier and persona are in each split: the largest cells first."""
    counts = {split: Count("pk", filter=Q(split=split)) for split in Split.values}
    found = rows.values("conversation__tier", "conversation__persona").annotate(n=Count("pk"), **counts)
    return [
        {
            "tier": each["conversation__tier"],
            "persona": each["conversation__persona"],
            **{split: each[split] for split in Split.values},
        }
        for each in found.order_by("-n", "conversation__tier", "conversation__persona")[:MOST_NAMED]
    ]
