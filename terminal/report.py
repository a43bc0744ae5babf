"""The result of a job: its exit code, its summary and its JSON object."""

from decimal import ROUND_UP, Decimal
from typing import Any

from django.db.models import Count, Q

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus, Reason
from batches.reports.progress import Progress
from batches.reports.reason_texts import find_error_text
from exports.unreviewed.files import Exported
from exports.unreviewed.stream import select_for_job
from lib.amounts import format_number
from templates_app.states import Tier

OK, FAILED, BAD_INPUT, PAUSED, INTERRUPTED = 0, 1, 2, 3, 130
# Only jobs in these states are exported: others may be resumed later.
EXPORTED = (JobStatus.COMPLETED, JobStatus.CANCELLED)


def choose_exit_code(now: Progress, *, interrupted: bool) -> int:
    """The exit code, which is 0 only if every item has its conversation."""
    if now.status == JobStatus.PAUSED:
        return INTERRUPTED if interrupted else PAUSED
    return OK if now.status == JobStatus.COMPLETED and now.completed == now.total else FAILED


def make_resume_command(job: BatchJob) -> str:
    """The command that resumes a job. If its budget is used up, the command has one that covers what is left."""
    command = f"./run generate --resume {job.pk}"
    if job.reason != Reason.BUDGET:
        return command
    left = job.total_items - job.ended_items
    estimated = Decimal(job.estimate.get("cost_high", 0)) / max(1, job.total_items)
    each = max(estimated, job.spent / max(1, job.ended_items))
    enough = job.spent + each * left + job.worst_item_usd
    return f"{command} --budget {enough.quantize(Decimal('0.01'), rounding=ROUND_UP)}"


def build_answer(job: BatchJob, now: Progress, exported: Exported | None, *, code: int) -> dict[str, Any]:
    """The JSON object of --json. Money is exact and a text; times are in seconds."""
    made = select_for_job(job).aggregate(count=Count("pk"), simulated=Count("pk", filter=Q(simulated=True)))
    return {
        "job_id": str(job.pk),
        "name": job.name,
        "status": job.status,
        "reason": job.reason or None,
        "exit_code": code,
        "counts": {**_counts(now), "by_tier": count_by_tier(job)},
        "cost_usd": format_number(job.spent),
        "budget_usd": format_number(job.budget_usd),
        "estimate": job.estimate,
        "seconds": None if now.elapsed_s is None else round(now.elapsed_s, 2),
        "simulated": {"count": made["simulated"], "all": 0 < made["count"] == made["simulated"]},
        "file": str(exported.path) if exported else None,
        "sha256": exported.written.sha256 if exported else None,
        "manifest": str(exported.manifest_path) if exported else None,
        "resume": None if now.status in EXPORTED else make_resume_command(job),
    }


def _counts(now: Progress) -> dict[str, int]:
    return {
        "total": now.total,
        "completed": now.completed,
        "failed": now.failed,
        "successful": now.successful,
    }


def count_by_tier(job: BatchJob) -> dict[str, dict[str, int]]:
    rows = BatchItem.objects.filter(job=job).order_by().values_list("tier", "status").annotate(n=Count("pk"))
    found: dict[str, dict[str, int]] = {}
    for tier, status, count in rows:
        counts = found.setdefault(tier, {"total": 0, "completed": 0, "failed": 0})
        counts["total"] += count
        if status in (ItemStatus.COMPLETED, ItemStatus.FAILED):
            counts[status] += count
    return {tier: found[tier] for tier in Tier.values if tier in found}


def list_errors(job: BatchJob) -> list[str]:
    """The kinds of errors, the most frequent first, each with one example."""
    rows = BatchItem.objects.filter(job=job, status=ItemStatus.FAILED).order_by("position")
    by_kind: dict[str, list[str]] = {}
    for kind, message, human_id in rows.values_list("error_kind", "error_message", "conversation_id"):
        by_kind.setdefault(kind, []).append(f"{human_id}: {message}")
    ordered = sorted(by_kind.items(), key=lambda pair: -len(pair[1]))
    return [
        f"  {len(examples)} x {find_error_text(kind).title}, e.g. {examples[0][:200]}"
        for kind, examples in ordered
    ]
