"""All reports, in the order of their page. The API, the files and the page have the same ones under the same names."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from analytics.reports import finding
from analytics.reports.scope import Scope
from analytics.reports.table import Column, Report, Row

LARGEST_BAND = 10


def link_to_list(scope: Scope, **filters: Any) -> str:
    """The list of conversations of these days with these filters."""
    chosen = {
        name: value for name, value in {**filters, **scope.link_values}.items() if value not in ("", None)
    }
    return f"{reverse('conversations')}?{urlencode(chosen)}" if chosen else reverse("conversations")


def link_status(row: Row, scope: Scope) -> str:
    return link_to_list(scope, tier=row["tier"], status=row["status"])


def link_score(row: Row, scope: Scope) -> str:
    low = int(row["score_from"])
    return link_to_list(scope, score_min=low, score_max=LARGEST_BAND if low == LARGEST_BAND else f"{low}.9")


def link_combination(row: Row, scope: Scope) -> str:
    return link_to_list(scope, q=f'"{row["persona"]}" "{row["emotion"]}"')


def link_version(row: Row, scope: Scope) -> str:
    if not row["version_id"]:
        return ""
    return reverse("template_version", args=[row["template_id"], row["version"]])


def link_template(row: Row, scope: Scope) -> str:
    return reverse("template", args=[row["template_id"]]) if row["template_id"] else ""


def link_made(row: Row, scope: Scope) -> str:
    return link_to_list(scope, version=row["version_id"]) if row["version_id"] else ""


def link_approved(row: Row, scope: Scope) -> str:
    return link_to_list(scope, version=row["version_id"], status="approved") if row["version_id"] else ""


VERSION = (
    Column("template", "Template"),
    Column("version", "Version", "count"),
    Column("template_id", "Template id", "id"),
    Column("version_id", "Version id", "id"),
)
_ALL = (
    Report(
        name="conversations",
        title="Conversations by tier and status",
        about="Each conversation counts once, as its newest version, on the day on which that was made.",
        columns=(
            Column("tier", "Tier", "tier"),
            Column("status", "Status", "status"),
            Column("conversations", "Conversations", "count"),
        ),
        find=finding.find_conversations,
        links={"conversations": link_status},
    ),
    Report(
        name="scores",
        title="Structure scores",
        about="How many conversations have which score. Those without a score are left out.",
        columns=(
            Column("score_from", "Score from", "score"),
            Column("conversations", "Conversations", "count"),
        ),
        find=finding.find_scores,
        links={"conversations": link_score},
    ),
    Report(
        name="quality",
        title="Quality by week",
        about="The mean structure score of what each template version made in a week.",
        columns=(
            Column("week", "Week from", "day"),
            *VERSION,
            Column("scored", "Scored", "count"),
            Column("mean_score", "Mean score", "score"),
        ),
        find=finding.find_quality,
        links={"template": link_version},
    ),
    Report(
        name="coverage",
        title="Coverage",
        about="Each persona with each emotion, the rarest first. A pair with 0 is a gap: nobody has talked like that yet.",
        columns=(
            Column("persona", "Persona"),
            Column("emotion", "Emotion"),
            Column("conversations", "Conversations", "count"),
            Column("approved", "Approved", "count"),
        ),
        find=finding.find_coverage,
        links={"conversations": link_combination},
    ),
    Report(
        name="cost",
        title="Cost over time",
        about="All calls, also those that failed, on the day on which they began; week by week where the period is long.",
        columns=(
            Column("since", "From", "day"),
            Column("model", "Model"),
            Column("template", "Template"),
            Column("template_id", "Template id", "id"),
            Column("calls", "Calls", "count"),
            Column("input_tokens", "Tokens in", "count"),
            Column("output_tokens", "Tokens out", "count"),
            Column("cost_usd", "Cost", "money"),
        ),
        find=finding.find_cost,
        links={"template": link_template},
    ),
    Report(
        name="templates",
        title="Yield by template version",
        about="What became of what was made, and what an approved conversation costs with everything that was paid for on the way.",
        columns=(
            *VERSION,
            Column("made", "Made", "count"),
            Column("approved", "Approved", "count"),
            Column("waiting", "Not decided", "count"),
            Column("needs_revision", "Needs revision", "count"),
            Column("rejected", "Rejected", "count"),
            Column("calls", "Calls", "count"),
            Column("repeats", "Repeated calls", "count"),
            Column("cost_usd", "Cost", "money"),
            Column("cost_per_approved_usd", "Per approved", "money"),
        ),
        find=finding.find_templates,
        links={"template": link_version, "made": link_made, "approved": link_approved},
    ),
    Report(
        name="reviewers",
        title="Reviewers",
        about="Decisions by the person whose they are. What was undone later is counted, and named.",
        columns=(
            Column("since", "From", "day"),
            Column("reviewer", "Reviewer"),
            Column("decisions", "Decisions", "count"),
            Column("approved", "Approved", "count"),
            Column("needs_revision", "Needs revision", "count"),
            Column("rejected", "Rejected", "count"),
            Column("undone", "Undone", "count"),
        ),
        find=finding.find_reviewers,
    ),
    Report(
        name="errors",
        title="Errors by kind",
        about="Calls that gave no conversation, and what they cost. An item that failed once may have succeeded afterwards.",
        columns=(
            Column("error_kind", "Kind", "id"),
            Column("error", "Error"),
            Column("failed", "Calls", "count"),
            Column("cost_usd", "Cost", "money"),
            Column("advice", "What helps"),
        ),
        find=finding.find_errors,
    ),
)
REPORTS: Mapping[str, Report] = {each.name: each for each in _ALL}
