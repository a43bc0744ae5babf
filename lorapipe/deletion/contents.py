"""What becomes of each table's rows when their workspace is deleted. A test sees that no table is missing here.

The rows are removed in the order of the list, because none can go before those that protect it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db.models import Q

from workspaces.models import ClockTimestamp

NAMELESS = "Deleted"


class Removed(NamedTuple):
    """Rows of this model go. `workspace`: the path from the model to the workspace. `by`: rows are taken by this column, if not one by one."""

    model: str
    workspace: str = "workspace"
    by: str = "pk"


class Emptied(NamedTuple):
    """Rows of this model stay with these values. `left`: those that still have others."""

    model: str
    left: Q
    values: Mapping[str, Any]


# EMPTIED comes before it: what stays points at nothing that goes.
REMOVED = (
    Removed("exports.Export"),  # its files are removed before
    Removed("exports.ImportedFile"),
    Removed("exports.HubToken"),
    Removed("conversations.Conversation", by="root"),  # a chain at a time
    Removed("analytics.DailyConversations"),
    Removed("analytics.DailyPersonas"),
    Removed("analytics.DailyDecisions"),
    Removed("batches.CachedPrefix", "job__workspace"),
    Removed("batches.BatchItem"),
    Removed("batches.PaidRequest"),
    Removed("background.JobRequest"),
    Removed("batches.Notice"),
    Removed("batches.Webhook"),
    Removed("batches.PromptSize"),
    Removed("conversations.Rubric"),
    Removed("conversations.IdCounter"),
    Removed("templates_app.Scenario"),
    Removed("templates_app.EdgeCase"),
    Removed("templates_app.Option"),
    Removed("templates_app.ImportFile"),
    Removed("templates_app.TemplateVersion"),
    Removed("templates_app.PromptTemplate"),
    Removed("provider.ProviderKey"),
    Removed("workspaces.UseStatement"),
    Removed("workspaces.ApiToken"),
)
# They go with the row that they belong to.
GO_ALONG = {
    "conversations.Turn": "conversations.Conversation",
    "conversations.Decision": "conversations.Conversation",
    "conversations.Judgement": "conversations.Conversation",
    "conversations.DimensionScore": "conversations.Judgement",
    "exports.ExportItem": "exports.Export",
    "review.Answer": "conversations.DimensionScore",
    "review.Assignment": "conversations.Conversation",
    "review.Comment": "conversations.Conversation",
    "review.Draft": "conversations.Conversation",
    "review.Lock": "conversations.Conversation",
    "review.Skip": "conversations.Conversation",
}
# These rows stay, because they say what was paid, and lose what people or Claude wrote.
EMPTIED = (
    Emptied(
        "batches.GenerationLog",
        left=Q(payloads_removed_at=None)
        | Q(item__isnull=False)
        | Q(conversation__isnull=False)
        | Q(template_version__isnull=False),
        values={
            "request_payload": {},
            "response_payload": None,
            "response_body": None,
            "parameters": {},
            "reading_notes": "",
            "error_message": "",
            "item": None,
            "conversation": None,
            "template_version": None,
            "payloads_removed_at": ClockTimestamp(),
        },
    ),
    Emptied(
        "batches.BatchJob",
        left=~Q(name=NAMELESS),
        values={
            "name": NAMELESS,
            "shared_parameters": {},
            "recipe": {},
            "estimate": {},
            "reason_note": "",
            "idempotency_key": None,
            "rubric": None,
            "completed_items": 0,
            "failed_items": 0,
            "successful_items": 0,
            "total_items": 0,
        },
    ),
    Emptied(
        "background.BackgroundJob",
        left=~Q(name=NAMELESS),
        values={"name": NAMELESS, "parameters": {}, "place": {}, "result": {}, "error": ""},
    ),
)
KEPT = {
    "analytics.DailyCalls": "money and counts alone",
    "analytics.StaleDay": "a date, until the next pass counts what is left of it",
    "batches.SpendingMonth": "money alone",
    "batches.Repair": "numbers that were put right",
    "workspaces.AuditEntry": "who did what: append-only, until LORAPIPE_AUDIT_DAYS",
    "workspaces.Membership": "removed at once, by the deletion itself",
}
