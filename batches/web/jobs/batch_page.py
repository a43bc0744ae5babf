"""What the page of a batch shows beside the job itself. It reads the rows and puts them into words; it decides nothing."""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Case, Count, Exists, Min, OuterRef, When
from django.utils import timezone

from batches.actions.controls import retry_cost
from batches.engine.stored_replies import STORED
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.items import BatchItemQuerySet
from batches.models.states import (
    CANCELLABLE,
    CHANGEABLE,
    PAUSABLE,
    RESUMABLE,
    RETRYABLE,
    RUNNING,
    ItemStatus,
    JobStatus,
    Reason,
)
from batches.reports.estimate_accuracy import measure_accuracy
from batches.reports.progress import Progress, state_word
from batches.reports.reason_texts import REASONS, ReasonText, find_error_text
from batches.reports.token_usage import tokens_of
from conversations.models import Conversation
from conversations.queue import count_waiting
from conversations.states import Status
from conversations.web.forms import IN_PLAN_ORDER
from lib.amounts import count_words
from templates_app.states import Tier

FINAL = (JobStatus.COMPLETED, JobStatus.CANCELLED)
FILTERS = (
    "",
    ItemStatus.FAILED,
    ItemStatus.PROCESSING,
    ItemStatus.COMPLETED,
    ItemStatus.QUEUED,
    ItemStatus.CANCELLED,
)
TRANSITIONAL = ("pausing", "stopping", "cancelling")


class Banner(NamedTuple):
    tone: str
    icon: str
    title: str
    text: str
    detail: str = ""


def describe_state(job: BatchJob) -> tuple[str, str]:
    """The state that chooses the badge, and its words. It needs the row of the job only, so lists can use it."""
    status = JobStatus(job.status)
    word = state_word(status, in_flight=job.in_flight, failed=job.failed_items)
    badge = choose_badge(status, word, completed=job.completed_items, failed=job.failed_items)
    return badge, word[:1].upper() + word[1:]


def choose_badge(status: JobStatus, word: str, *, completed: int, failed: int) -> str:
    """The name of the badge. A batch that ended with failures never looks like one in which all went well."""
    if word in TRANSITIONAL:
        return word
    if status == JobStatus.COMPLETED and failed:
        return "completed_with_failures" if completed else "completed_without_success"
    return status.value


def build_live_context(job: BatchJob, now: Progress) -> dict[str, Any]:
    """The region that is polled: title, state, controls, banners, numbers."""
    moving = now.status not in FINAL or now.in_flight > 0
    return {
        "job": job,
        "progress": now,
        "state": choose_badge(now.status, now.word, completed=now.completed, failed=now.failed),
        "state_words": now.word[:1].upper() + now.word[1:],
        "page_title": f"{int(now.percent)}% {job.name}" if now.status in RUNNING else job.name,
        "percent": int(now.percent),
        "announcement": f"{now.word}, {int(now.percent // 10) * 10}% finished",
        "polls": moving,
        "rev": compute_revision(now),
        "can_pause": now.status in PAUSABLE,
        "can_resume": now.status in RESUMABLE,
        "must_raise": is_short_of_budget(job, now),
        "can_cancel": now.status in CANCELLABLE,
        "can_change": now.status in CHANGEABLE,
        "can_retry": now.status in RETRYABLE and now.failed > 0,
        "retry_cost": retry_cost(job, now.failed),
        "banners": list_banners(job, now),
        "rate": compute_rate(now),
        "others": max(0, now.in_flight - 1),
        "weak": now.completed - now.successful,
        "undecided": None if moving else count_waiting(Conversation.objects.of_job(job.pk)),
        "approved": 0 if moving else Conversation.objects.of_job(job.pk).approved().count(),
        "tokens": tokens_of(job),
        "estimate": job.estimate,
        "accuracy": measure_accuracy(job),
        "reading_list": build_reading_query(job),
        "review_list": build_review_query(job, needs_revision=now.completed > now.successful),
    }


def is_short_of_budget(job: BatchJob, now: Progress) -> bool:
    """Whether it was paused by its budget, which still does not cover the next call."""
    if now.status not in RESUMABLE or job.reason != Reason.BUDGET:
        return False
    return now.spent + now.reserved + job.worst_item_usd > now.budget


def build_reading_query(job: BatchJob) -> str:
    """The query string of the list of its conversations in the order of its plan: one reads on from one to the next."""
    return urlencode({"batch": str(job.pk), "sort": IN_PLAN_ORDER})


def build_review_query(job: BatchJob, *, needs_revision: bool) -> str:
    """The query string of the list of those that need revision, or of all where none does."""
    status = {"status": Status.NEEDS_REVISION.value} if needs_revision else {}
    return urlencode({"batch": str(job.pk), "sort": IN_PLAN_ORDER, **status})


def compute_rate(now: Progress) -> float | None:
    """Items a minute: over the last minutes while the batch runs, over the whole time once it has ended."""
    if now.status in FINAL and now.elapsed_s:
        return now.ended / now.elapsed_s * 60
    return now.items_per_minute


def compute_revision(now: Progress) -> str:
    """`<items>.<everything>`: the first part changes when a row of the table of items changes."""
    items = (now.status, now.completed, now.failed, now.in_flight, now.current_item)
    rest = (
        now.spent,
        now.blocked_until,
        now.has_worker,
        (now.lost, now.lost_wait_s, now.restarts),
        now.bound and (now.bound.by, now.bound.detail),
        int((now.elapsed_s or 0) / 5),
    )
    return f"{hash_values(items)}.{hash_values(items + rest)}"


def hash_values(values: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:10]


# --- banners ---------------------------------------------------------------------------------------


def list_banners(job: BatchJob, now: Progress) -> list[Banner]:
    found = [
        _announce_finishing(now),
        _explain_stop(job, now),
        _announce_wait(now),
        _announce_overload(now),
        _announce_lost_calls(now),
        _warn_without_worker(now),
        _announce_end(job, now),
    ]
    return [banner for banner in found if banner is not None]


def _announce_finishing(now: Progress) -> Banner | None:
    if now.word not in TRANSITIONAL:
        return None
    calls = f"{now.in_flight} call{'' if now.in_flight == 1 else 's'}"
    return Banner(
        "info", "hourglass", f"Finishing {calls} in flight", "Their replies are kept, and they are paid for."
    )


def _explain_stop(job: BatchJob, now: Progress) -> Banner | None:
    if now.status not in RESUMABLE:
        return None
    words = REASONS.get(job.reason) or ReasonText("Stopped", "Resume generates what is left.")
    if job.reason == Reason.PERSON:
        return Banner("info", "circle-pause", words.title, words.advice)
    tone = "warn" if job.reason in (Reason.BUDGET, Reason.MONTH_BUDGET) else "bad"
    return Banner(tone, "triangle-alert", words.title, words.advice, job.reason_note)


def _announce_wait(now: Progress) -> Banner | None:
    if now.blocked_until is None or now.status not in RUNNING:
        return None
    return Banner("warn", "hourglass", "Claude asked to slow down", _describe_wait(now.blocked_until))


def _announce_overload(now: Progress) -> Banner | None:
    if now.bound is None or now.bound.by != "breaker" or now.bound.until is None:
        return None
    return Banner(
        "warn",
        "hourglass",
        "Claude is overloaded",
        f"One call tries again. As soon as it is answered, the others continue. {_describe_wait(now.bound.until)}",
    )


def _describe_wait(until: datetime) -> str:
    seconds = max(1, round((until - timezone.now()).total_seconds()))
    return f"The batch continues at {until:%H:%M:%S} UTC, in about {seconds} s. Nothing is lost."


def _announce_lost_calls(now: Progress) -> Banner | None:
    if not now.lost or now.status not in RUNNING:
        return None
    calls = "1 call was" if now.lost == 1 else f"{now.lost} calls were"
    return Banner(
        "warn",
        "hourglass",
        f"{calls} lost, tried again {_describe_seconds(now)}",
        "The worker ended while they were under way. Each is booked at the most that it can have cost.",
    )


def _describe_seconds(now: Progress) -> str:
    if now.lost_wait_s is None:
        return "after the others" if now.has_worker else "as soon as a worker runs"
    if now.lost_wait_s == 0:
        return "at once"
    minutes = round(now.lost_wait_s / 60)
    return f"in {now.lost_wait_s} s" if now.lost_wait_s < 100 else f"in about {minutes} min"


def _warn_without_worker(now: Progress) -> Banner | None:
    if now.has_worker or now.status not in RUNNING:
        return None
    if now.restarts:
        text = "It is started again, which takes a few seconds. This batch then continues by itself."
        return None if now.lost else Banner("warn", "hourglass", "A worker has ended", text)
    return Banner(
        "bad",
        "circle-alert",
        "No worker is running",
        "Nothing is generated until a worker runs. This batch then continues by itself. Start LoRAPipe in its folder:",
        "./run",
    )


def _announce_end(job: BatchJob, now: Progress) -> Banner | None:
    if now.status == JobStatus.CANCELLED and not now.in_flight:
        left = now.total - now.ended
        return Banner(
            "info", "ban", "Cancelled", f"{now.completed} finished are kept; {left} were not generated."
        )
    if now.status != JobStatus.COMPLETED:
        return None
    if now.failed and not now.completed:
        return Banner(
            "bad",
            "triangle-alert",
            "Finished without a conversation",
            "Its only item failed. The error below says why."
            if now.total == 1
            else f"All {now.total:,} items failed. The errors below say why.",
        )
    if now.failed:
        return Banner(
            "warn",
            "triangle-alert",
            "Finished, with failures",
            f"{now.completed:,} of {now.total:,} conversations are ready; {count_words(now.failed, 'item')} failed.",
        )
    if job.rubric_id is not None:
        words = (
            "The judgements stand on the pages of their conversations and in the review. Nothing was moved."
        )
        return Banner("ok", "circle-check", "Finished", words)
    if now.total == 1:
        return Banner("ok", "circle-check", "Finished", "The conversation is ready to be read.")
    return Banner("ok", "circle-check", "Finished", f"All {now.total:,} conversations are ready to be read.")


# --- the tables below ----------------------------------------------------------------------------------


def list_items(job: BatchJob, show: str) -> BatchItemQuerySet:
    """The items of a batch in plan order, or those of the state `show`.

    A cancelled item says as `kept` whether a reply of it was paid for and waits to be used.
    """
    rows = BatchItem.objects.filter(job=job).in_plan_order().with_conversation_summary()
    if show:
        rows = rows.filter(status=show)
    if job.status != JobStatus.CANCELLED:
        return rows
    paid = GenerationLog.objects.filter(
        item=OuterRef("pk"), state__in=STORED, conversation=None, response_body__isnull=False
    )
    is_kept = Case(When(status=ItemStatus.CANCELLED, then=Exists(paid)), default=False)
    annotated: BatchItemQuerySet = rows.annotate(kept=is_kept)
    return annotated


def count_by_tier_and_status(job: BatchJob) -> list[dict[str, Any]]:
    return [dict(row) for row in job.items.order_by().values("tier", "status").annotate(n=Count("pk"))]


def sum_by_tier(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ended = (ItemStatus.COMPLETED, ItemStatus.FAILED)
    rows = [
        {
            "tier": tier,
            "total": sum(each["n"] for each in found if each["tier"] == tier),
            "ended": sum(each["n"] for each in found if each["tier"] == tier and each["status"] in ended),
        }
        for tier in Tier.values
    ]
    return [row for row in rows if row["total"]]


def build_filter_links(found: list[dict[str, Any]], *, show: str, path: str) -> list[dict[str, Any]]:
    """The filters above the items: one for all items, and one for each state that some item has."""
    rows = [
        {
            "name": name,
            "word": ItemStatus(name).label if name else "All",
            "count": sum(each["n"] for each in found if name in ("", each["status"])),
            "href": f"{path}?show={name}" if name else path,
            "on": name == show,
        }
        for name in FILTERS
    ]
    return [row for row in rows if row["count"] or row["on"] or not row["name"]]


def group_errors(job: BatchJob) -> list[dict[str, Any]]:
    """The failed items by kind of error, the most frequent kind first, each with an example and with advice."""
    if not job.failed_items:
        return []
    failed = job.items.filter(status=ItemStatus.FAILED).order_by().values("error_kind")
    groups = failed.annotate(count=Count("pk"), sample=Min("error_message")).order_by("-count")
    return [{**group, "words": find_error_text(group["error_kind"])} for group in groups]
