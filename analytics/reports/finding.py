"""The rows of each report, from the numbers by day. Most of them share the two queries of their scope (`sums.py`)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum

from analytics.models import DailyDecisions, DailyPersonas
from analytics.reports.scope import (
    BY_BAND,
    BY_ERROR,
    BY_MODEL_DAY,
    BY_STATUS,
    BY_VERSION,
    BY_VERSION_DAY,
    BY_VERSION_STATUS,
    Scope,
    find_start_of_week,
)
from analytics.reports.table import Row
from batches.models.states import LogState
from batches.reports.reason_texts import find_error_text
from conversations.states import AWAITING_REVIEW, Status
from templates_app.states import Tier

MOST_NAMES = 40  # personas, and emotions, that are compared with each other
TWO_PLACES = Decimal("0.01")
NO_TEMPLATE, DELETED = "Imported or judged, without a template", "A deleted template"
TIER_ORDER = {tier: place for place, tier in enumerate(Tier.values)}
STATUS_ORDER = {status: place for place, status in enumerate(Status.values)}


def find_conversations(scope: Scope) -> list[Row]:
    """How many conversations by tier and status."""
    columns = (*BY_STATUS, "conversations")
    return sort_by_tier({name: row[name] for name in columns} for row in scope.made[BY_STATUS])


def sort_by_tier(rows: Iterable[Row]) -> list[Row]:
    """In the order of the tiers, and of the statuses of a conversation's life."""
    found = [dict(row) for row in rows]
    return sorted(
        found, key=lambda row: (TIER_ORDER.get(row["tier"], 9), STATUS_ORDER.get(row["status"], 99))
    )


def find_scores(scope: Scope) -> list[Row]:
    """How many conversations by the whole part of their score, all eleven of them."""
    rows = (row for row in scope.made[BY_BAND] if row["band"] is not None)
    return list_all_bands({row["band"]: row["conversations"] for row in rows})


def list_all_bands(counts: Mapping[int, int]) -> list[Row]:
    """A row for each whole score; none where nothing has a score."""
    rows = [{"score_from": Decimal(band), "conversations": counts.get(band, 0)} for band in range(11)]
    return rows if counts else []


def find_quality(scope: Scope) -> list[Row]:
    """The mean score by week and template version, the oldest week first."""
    sums: dict[tuple[date, UUID | None], list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    for row in scope.made[BY_VERSION_DAY]:
        if row["scored"]:
            cell = sums[find_start_of_week(row["day"]), row["template_version_id"]]
            cell[0] += row["scored"]
            cell[1] += row["score_sum"]
    names = name_versions(scope, {version for _, version in sums})
    found = [
        {
            "week": week,
            **names[version],
            "scored": count,
            "mean_score": (score / count).quantize(TWO_PLACES),
        }
        for (week, version), (count, score) in sums.items()
    ]
    return sorted(found, key=lambda row: (row["week"], row["template"].casefold(), row["version"] or 0))


def find_coverage(scope: Scope) -> list[Row]:
    """How many conversations for each persona with each emotion, the rarest first; those that never met are in it with 0.

    Of more than `MOST_NAMES` personas or emotions only the most frequent ones are compared.
    """
    rows = scope.find_days(DailyPersonas).exclude(persona="").exclude(emotion="").order_by()
    sums = {
        (row["persona"], row["emotion"]): row
        for row in rows.values("persona", "emotion").annotate(n=Sum("conversations"), yes=Sum("approved"))
    }
    personas, emotions = (rank_names(sums, place) for place in (0, 1))
    found = []
    for persona in personas:
        for emotion in emotions:
            row = sums.get((persona, emotion))
            found.append(
                {
                    "persona": persona,
                    "emotion": emotion,
                    "conversations": row["n"] if row else 0,
                    "approved": row["yes"] if row else 0,
                }
            )
    return sorted(found, key=lambda row: (row["conversations"], row["persona"], row["emotion"]))


def rank_names(sums: dict[tuple[str, str], Any], place: int) -> list[str]:
    """The most frequent names at this place of the keys, the most frequent one first."""
    totals: dict[str, int] = defaultdict(int)
    for key, row in sums.items():
        totals[key[place]] += row["n"]
    return sorted(totals, key=lambda name: (-totals[name], name))[:MOST_NAMES]


def find_cost(scope: Scope) -> list[Row]:
    """Calls and their cost by day, or by week where the period is long, model and template; the oldest first."""
    names = ("calls", "input_tokens", "output_tokens", "cost_usd")
    sums: dict[tuple[date, str, UUID | None, str], list[Any]] = {}
    for row in scope.calls[BY_MODEL_DAY]:
        named = name_version(scope, row["template_version_id"])
        numbers = [row[name] for name in names]
        since = find_start_of_week(row["day"]) if scope.by_week else row["day"]
        key = (since, row["model"], named["template_id"], named["template"])
        earlier = sums.get(key, [0] * len(numbers))
        sums[key] = [one + more for one, more in zip(earlier, numbers, strict=True)]
    found = [
        {
            "since": since,
            "model": model,
            "template": template,
            "template_id": key,
            **dict(zip(names, numbers, strict=True)),
        }
        for (since, model, key, template), numbers in sums.items()
    ]
    return sorted(found, key=lambda row: (row["since"], row["model"], row["template"].casefold()))


def find_templates(scope: Scope) -> list[Row]:
    """What became of the conversations of each template version, and what an approved one costs."""
    counts = ("made", "approved", "rejected", "needs_revision", "waiting", "calls", "repeats")
    found: dict[UUID | None, dict[str, Any]] = defaultdict(
        lambda: {**dict.fromkeys(counts, 0), "cost_usd": Decimal(0)}
    )
    for row in scope.made[BY_VERSION_STATUS]:
        cell, status, number = found[row["template_version_id"]], row["status"], row["conversations"]
        cell["made"] += number
        if status in AWAITING_REVIEW:
            cell["waiting"] += number
        elif status in (Status.APPROVED, Status.REJECTED, Status.NEEDS_REVISION):
            cell[status] += number
    for row in scope.calls[BY_VERSION]:
        found[row["template_version_id"]].update(
            {name: row[name] for name in ("calls", "repeats", "cost_usd")}
        )
    names = name_versions(scope, found)
    rows = [
        {
            **names[version],
            **cell,
            "cost_per_approved_usd": cell["cost_usd"] / cell["approved"] if cell["approved"] else None,
        }
        for version, cell in found.items()
    ]
    return sorted(rows, key=lambda row: (row["template"].casefold(), -(row["version"] or 0)))


def find_reviewers(scope: Scope) -> list[Row]:
    """Decisions by day, or by week where the period is long, and by the person whose they are; the newest first."""
    total, decided = (
        Sum("decisions"),
        {
            status: Sum("decisions", filter=Q(to_status=status), default=0)
            for status in (Status.APPROVED, Status.NEEDS_REVISION, Status.REJECTED)
        },
    )
    rows = scope.find_days(DailyDecisions).order_by().values_list("day", "reviewer")
    sums: dict[tuple[date, str], list[int]] = {}
    for day, person, *numbers in rows.annotate(all=total, **decided, back=Sum("undone")):
        since = find_start_of_week(day) if scope.by_week else day
        cell = sums.setdefault((since, person), [0] * len(numbers))
        sums[since, person] = [one + more for one, more in zip(cell, numbers, strict=True)]
    names = ("decisions", *decided, "undone")
    found = [
        {"since": since, "reviewer": person, **dict(zip(names, numbers, strict=True))}
        for (since, person), numbers in sums.items()
    ]
    return sorted(found, key=lambda row: (-row["since"].toordinal(), row["reviewer"]))


def find_errors(scope: Scope) -> list[Row]:
    """Calls that gave no conversation, by the kind of their error, the most frequent first, with what helps."""
    sums: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    for row in scope.calls[BY_ERROR]:
        if row["state"] not in (LogState.SUCCEEDED, LogState.PENDING):
            cell = sums[row["error_kind"]]
            cell[0] += row["calls"]
            cell[1] += row["cost_usd"]
    found = []
    for kind, (failed, cost) in sums.items():
        words = find_error_text(kind)
        found.append(
            {
                "error_kind": kind,
                "failed": failed,
                "cost_usd": cost,
                "error": words.title,
                "advice": words.advice,
            }
        )
    return sorted(found, key=lambda row: (-row["failed"], row["error_kind"]))


def name_versions(scope: Scope, keys: Iterable[UUID | None]) -> dict[UUID | None, Row]:
    """The template, its id and the number of each version. What was deleted keeps its numbers without a name."""
    return {key: name_version(scope, key) for key in keys}


def name_version(scope: Scope, key: UUID | None) -> Row:
    version = scope.versions.get(key) if key else None
    if version is None:
        return {
            "template": DELETED if key else NO_TEMPLATE,
            "version": None,
            "template_id": None,
            "version_id": None,
        }
    return {
        "template": version.template,
        "version": version.number,
        "template_id": version.template_id,
        "version_id": key,
    }
