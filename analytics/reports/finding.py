"""The rows of each report, one or two queries each over the numbers by day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum

from analytics.models import DailyCalls, DailyConversations, DailyDecisions, DailyPersonas
from analytics.reports.scope import Scope, find_start_of_week
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
    rows = scope.find_days(DailyConversations).order_by().values("tier", "status")
    return sort_by_tier(rows.annotate(conversations=Sum("conversations")))


def sort_by_tier(rows: Iterable[Row]) -> list[Row]:
    """In the order of the tiers, and of the statuses of a conversation's life."""
    found = [dict(row) for row in rows]
    return sorted(
        found, key=lambda row: (TIER_ORDER.get(row["tier"], 9), STATUS_ORDER.get(row["status"], 99))
    )


def find_scores(scope: Scope) -> list[Row]:
    """How many conversations by the whole part of their score, all eleven of them."""
    rows = scope.find_days(DailyConversations).filter(band__isnull=False).order_by().values("band")
    counts = {row["band"]: row["n"] for row in rows.annotate(n=Sum("conversations"))}
    return list_all_bands(counts)


def list_all_bands(counts: Mapping[int, int]) -> list[Row]:
    """A row for each whole score; none where nothing has a score."""
    rows = [{"score_from": Decimal(band), "conversations": counts.get(band, 0)} for band in range(11)]
    return rows if counts else []


def find_quality(scope: Scope) -> list[Row]:
    """The mean score by week and template version, the oldest week first."""
    rows = scope.find_days(DailyConversations).filter(scored__gt=0).order_by()
    days = rows.values("day", "template_version").annotate(n=Sum("scored"), score=Sum("score_sum"))
    sums: dict[tuple[date, UUID | None], list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    for row in days:
        cell = sums[find_start_of_week(row["day"]), row["template_version"]]
        cell[0] += row["n"]
        cell[1] += row["score"]
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
    rows = scope.find_days(DailyCalls).order_by().values_list("day", "model", "template_version")
    sums: dict[tuple[date, str, UUID | None, str], list[Any]] = {}
    for day, model, version, *numbers in rows.annotate(
        n=Sum("calls"), tokens_in=Sum("input_tokens"), tokens_out=Sum("output_tokens"), cost=Sum("cost_usd")
    ):
        named = name_version(scope, version)
        since = find_start_of_week(day) if scope.by_week else day
        key = (since, model, named["template_id"], named["template"])
        earlier = sums.get(key, [0] * len(numbers))
        sums[key] = [one + more for one, more in zip(earlier, numbers, strict=True)]
    found = [
        {
            "since": since,
            "model": model,
            "template": template,
            "template_id": key,
            **dict(zip(("calls", "input_tokens", "output_tokens", "cost_usd"), numbers, strict=True)),
        }
        for (since, model, key, template), numbers in sums.items()
    ]
    return sorted(found, key=lambda row: (row["since"], row["model"], row["template"].casefold()))


def find_templates(scope: Scope) -> list[Row]:
    """What became of the conversations of each template version, and what an approved one costs."""
    status = {name: Q(status=name) for name in (Status.APPROVED, Status.REJECTED, Status.NEEDS_REVISION)}
    made = (
        scope.find_days(DailyConversations)
        .order_by()
        .values("template_version")
        .annotate(
            made=Sum("conversations"),
            approved=Sum("conversations", filter=status[Status.APPROVED], default=0),
            rejected=Sum("conversations", filter=status[Status.REJECTED], default=0),
            needs_revision=Sum("conversations", filter=status[Status.NEEDS_REVISION], default=0),
            waiting=Sum("conversations", filter=Q(status__in=sorted(AWAITING_REVIEW)), default=0),
        )
    )
    paid = (
        scope.find_days(DailyCalls)
        .order_by()
        .values("template_version")
        .annotate(calls=Sum("calls"), repeats=Sum("repeats"), cost_usd=Sum("cost_usd"))
    )
    found: dict[UUID | None, dict[str, Any]] = {}
    empty = dict.fromkeys(
        ("made", "approved", "rejected", "needs_revision", "waiting", "calls", "repeats"), 0
    )
    for row in (*made, *paid):
        cell = found.setdefault(row["template_version"], {**empty, "cost_usd": Decimal(0)})
        cell.update({name: value for name, value in row.items() if name != "template_version"})
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
    rows = (
        scope.find_days(DailyCalls)
        .exclude(state__in=[LogState.SUCCEEDED, LogState.PENDING])
        .order_by()
        .values("error_kind")
    )
    found = []
    for row in rows.annotate(failed=Sum("calls"), cost_usd=Sum("cost_usd")):
        words = find_error_text(row["error_kind"])
        found.append({**row, "error": words.title, "advice": words.advice})
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
