"""Tell people when a batch or a background job has ended, or a batch waits for them: on the pages, and to a webhook.

The dispatcher makes a notice once per batch and status, and one of each background job that was not cancelled. The row
decides about its delivery; `batches.actions.delivery_lane` sends it. The webhook follows the Standard Webhooks
specification: webhook-id, webhook-timestamp, webhook-signature (v1, HMAC-SHA256).
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from standardwebhooks import Webhook as Signer

from background.models import UNNOTICED, BackgroundJob
from background.states import JobState
from batches.models import DeliveryState, Notice, Webhook
from batches.reports.reason_texts import REASONS
from lib.amounts import format_number
from lib.encryption import UnknownEncryptionKey, encrypt
from workspaces.audit import record
from workspaces.models import ClockTimestamp, User, Workspace
from workspaces.states import Action, TargetKind

logger = logging.getLogger(__name__)

# Minutes until the next try, for the first to the sixth failure; after that the notice stays on the pages only.
TRY_AGAIN_MIN = (1, 5, 15, 60, 240)
# From the first look-up of the name to the status of the answer. A time limit for each read would let a receiver that
# sends a byte now and then hold a thread for ever.
DEADLINE_S = 10.0
TAKEN_S = 60.0  # longer than the deadline: a notice whose sender has died is due again after it
AT_ONCE = 50
KEY_BYTES = 32

# The limited rows come as an array, as in batches/engine/dispatch.py.
MAKE = """
WITH told AS (
    UPDATE batch_jobs SET noticed = status WHERE id = ANY(ARRAY(
        SELECT id FROM batch_jobs WHERE status IN ('completed', 'failed', 'paused') AND noticed <> status
         ORDER BY id LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING id, workspace_id, created_by_id, status, reason, kind, completed_items, failed_items, total_items)
INSERT INTO notices (id, workspace_id, created_by_id, job_id, status, reason, completed_items, failed_items, total_items, delivery, next_at)
SELECT gen_random_uuid(), t.workspace_id, t.created_by_id, t.id, t.status, t.reason, t.completed_items, t.failed_items, t.total_items,
       CASE WHEN w.id IS NULL THEN 'none' ELSE 'waiting' END, CASE WHEN w.id IS NULL THEN NULL ELSE clock_timestamp() END
  FROM told t LEFT JOIN webhooks w ON w.workspace_id = t.workspace_id
 WHERE t.kind = 'batch' AND NOT (t.status = 'paused' AND t.reason = 'person')
"""
WORKSPACES = """
SELECT workspace_id FROM notices
 WHERE delivery = 'waiting' AND next_at <= clock_timestamp() AND workspace_id <> ALL(%(served)s::uuid[])
 GROUP BY workspace_id ORDER BY min(next_at) LIMIT %(at_once)s
"""
TAKE = """
UPDATE notices SET next_at = clock_timestamp() + make_interval(secs => %(taken)s) WHERE id = ANY(ARRAY(
    SELECT id FROM notices WHERE delivery = 'waiting' AND next_at <= clock_timestamp() AND workspace_id = %(workspace)s
     ORDER BY next_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""
FAILED = """
UPDATE notices SET attempts = attempts + 1, delivery_error = %(error)s,
       delivery = CASE WHEN attempts + 1 > %(tries)s THEN 'given_up' ELSE 'waiting' END,
       next_at = clock_timestamp() + make_interval(mins => (%(minutes)s::int[])[least(attempts + 1, %(tries)s)])
 WHERE id = %(id)s AND delivery = 'waiting'
"""


class CannotDeliver(Exception):
    """The receiver did not take the notice; the message says why, without its body."""


def make_notices() -> int:
    """A notice for each end or stop that nobody was told of; a pause or an end by a person is none. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE, {"at_once": AT_ONCE})
        made: int = cursor.rowcount
    # The dispatcher asks twice a second, and mostly there is none: that takes one query without a transaction.
    return made + (_make_of_background() if BackgroundJob.objects.filter(UNNOTICED).exists() else 0)


@transaction.atomic
def _make_of_background() -> int:
    """A notice of each background job that has ended by itself. Its kind says what came of it."""
    ended = BackgroundJob.objects.filter(UNNOTICED).defer("parameters", "place").order_by("pk")
    jobs = list(ended.select_for_update(no_key=True, skip_locked=True)[:AT_ONCE])
    BackgroundJob.objects.filter(pk__in=[job.pk for job in jobs]).update(noticed=True)
    homes = {job.workspace_id for job in jobs}
    sent = set(Webhook.objects.filter(workspace__in=homes).values_list("workspace", flat=True))
    Notice.objects.bulk_create(_build_notice(job, sent=job.workspace_id in sent) for job in jobs)
    return len(jobs)


def _build_notice(job: BackgroundJob, *, sent: bool) -> Notice:
    end = job.describe_end()
    return Notice(
        workspace_id=job.workspace_id,
        created_by_id=job.created_by_id,
        background=job,
        status=job.status,
        reason=end.reason if job.status == JobState.COMPLETED else "",
        completed_items=end.done,
        failed_items=end.skipped,
        total_items=end.done + end.skipped,
        delivery=DeliveryState.WAITING if sent else DeliveryState.NONE,
        next_at=ClockTimestamp() if sent else None,
    )


def find_due_workspaces(*, served: Collection[UUID] = ()) -> list[UUID]:
    """The workspaces whose webhooks have notices to be sent, the longest waiting first, without those in `served`."""
    with connection.cursor() as cursor:
        cursor.execute(WORKSPACES, {"at_once": AT_ONCE, "served": list(served)})
        return [row[0] for row in cursor.fetchall()]


def take_due(workspace_id: UUID) -> UUID | None:
    """The workspace's longest waiting notice, for the caller to deliver: it is not due again for a minute."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"taken": TAKEN_S, "workspace": workspace_id})
        row = cursor.fetchone()
        return row[0] if row else None


def deliver(notice_id: UUID) -> bool:
    """Send one notice to its workspace's webhook. Twice at worst: `webhook-id` is the same then. False: it was not taken."""
    notice = (
        Notice.objects.with_job()
        .select_related("workspace__webhook")
        .filter(pk=notice_id, delivery=DeliveryState.WAITING)
        .first()
    )
    if notice is None:
        return True
    webhook = getattr(notice.workspace, "webhook", None)
    connection.close()  # none is held while the receiver thinks
    if webhook is None:
        Notice.objects.filter(pk=notice.pk).update(delivery=DeliveryState.NONE, next_at=None)
        return True
    try:
        send(webhook, notice_id=str(notice.pk), body=body_of(notice))
    except CannotDeliver as problem:
        _note_failure(notice.pk, str(problem))
        return False
    Notice.objects.filter(pk=notice.pk, delivery=DeliveryState.WAITING).update(
        delivery=DeliveryState.DELIVERED, next_at=None, delivery_error=""
    )
    return True


def body_of(notice: Notice) -> bytes:
    """What the receiver gets: camelCase, as the API speaks."""
    kind, named = _name_for_receiver(notice)
    about: dict[str, Any] = {
        "type": f"{kind}.{notice.status}",
        "timestamp": notice.created_at.isoformat(),
        "data": {
            **named,
            "name": notice.name,
            "status": notice.status,
            "reason": notice.reason or None,
            "message": words_of(notice),
            "completedItems": notice.completed_items,
            "failedItems": notice.failed_items,
            "totalItems": notice.total_items,
        },
    }
    return json.dumps(about, ensure_ascii=False).encode()


def _name_for_receiver(notice: Notice) -> tuple[str, dict[str, Any]]:
    """The beginning of the type, and what only such a notice has."""
    if notice.background:
        return "backgroundJob", {"backgroundJobId": str(notice.background_id), "kind": notice.background.kind}
    assert notice.job is not None
    money = {"actualCost": format_number(notice.job.spent), "simulated": notice.job.simulated}
    return "batch", {"jobId": str(notice.job_id), **money}


def words_of(notice: Notice) -> str:
    """The notice in a sentence."""
    if notice.background:
        job = notice.background
        return job.describe_end().sentence if notice.status == JobState.COMPLETED else job.error
    if notice.status == "completed":
        failed = f", {notice.failed_items} failed" if notice.failed_items else ""
        what = "judgements" if notice.job and notice.job.rubric_id else "conversations"
        return f"Finished: {notice.completed_items} of {notice.total_items} {what}{failed}."
    found = REASONS.get(notice.reason)
    return f"{found.title}. {found.advice}" if found else "It stopped. Resume goes on with what is left."


def send(webhook: Webhook, *, notice_id: str, body: bytes, at: datetime | None = None) -> None:
    """POST the body, signed. Raises CannotDeliver for everything but a 2xx; redirects are not followed.

    The messages name the host alone: the rest of an address may be a secret of the receiver.
    """
    if wrong := url_problem(webhook.url):
        raise CannotDeliver(wrong)
    try:
        headers = _sign(webhook, notice_id=notice_id, body=body, moment=at or timezone.now())
        with closing(asyncio.new_event_loop()) as loop:
            status = loop.run_until_complete(_post(webhook.url, body=body, headers=headers))
    except UnknownEncryptionKey as problem:
        raise CannotDeliver(f"The secret cannot be read. {problem} Save with a new secret.") from problem
    except TimeoutError as problem:
        raise CannotDeliver(f"{webhook.host} has not answered within {DEADLINE_S:.0f} seconds") from problem
    except Exception as problem:  # whatever keeps it from being sent, the notice itself stays
        raise CannotDeliver(f"{type(problem).__name__}: no answer from {webhook.host}") from problem
    if not 200 <= status < 300:
        raise CannotDeliver(f"{webhook.host} answered {status}")


def _sign(webhook: Webhook, *, notice_id: str, body: bytes, moment: datetime) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": f"LoRAPipe/{settings.VERSION}",
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(webhook.key()).sign(notice_id, moment, body.decode()),
    }


async def _post(url: str, *, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer. Its body is not read, however long it is. Raises TimeoutError after the deadline."""
    async with (
        asyncio.timeout(DEADLINE_S),
        httpx2.AsyncClient(timeout=None, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", url, content=body, headers=headers) as answer,
    ):
        return answer.status_code


@transaction.atomic
def change_webhook(*, workspace: Workspace, url: str, by: User | None, renew: bool = False) -> None:
    """Another address, another secret (`renew`), or with an empty address none any more.

    The audit log gets the host alone: the rest of an address may be a secret of the receiver.
    """
    rows = Webhook.objects.filter(workspace=workspace)
    kept = rows.select_for_update(no_key=True).first()
    before = {"host": _host(kept.url)} if kept else {}
    after = {"host": _host(url)} if url else {}
    if kept is None and not url:
        return
    if kept is None:
        action, kept = Action.CREATE, Webhook(workspace=workspace, url=url, encrypted_key=_make_key())
        kept.save(force_insert=True)
    elif not url:
        action = Action.REMOVE
        rows.delete()
    elif kept.url == url and not renew:
        return
    else:
        action = Action.RENEW_SECRET if renew else Action.CHANGE
        renewed = {"encrypted_key": _make_key(), "generation": F("generation") + 1} if renew else {}
        rows.update(url=url, **renewed)
    name = _host(url or kept.url)
    record(
        action=action,
        kind=TargetKind.WEBHOOK,
        target=kept,
        name=name,
        by=by,
        before=before,
        after=after,
    )


def _make_key() -> str:
    return encrypt(secrets.token_bytes(KEY_BYTES))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def url_problem(url: str) -> str | None:
    """Why nothing is sent there. Only hosts that the operator has named: a person must not reach what stands beside us."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "That is no address of the form https://host/path."
    allowed = settings.ENVIRONMENT.webhook_hosts
    named = host if port is None else f"{host}:{port}"
    if parts.username or parts.password or not host:
        return "That is no address of the form https://host/path."
    if host not in allowed and named not in allowed:
        listed = ", ".join(allowed) or "none yet"
        return f"The host {named} is not among those that LORAPIPE_WEBHOOK_HOSTS allows ({listed})."
    if parts.scheme != "https" and not (parts.scheme == "http" and host in ("127.0.0.1", "localhost")):
        return "Use https:// (http:// only to this machine)."
    return None


def _note_failure(notice_id: UUID, error: str) -> None:
    logger.warning("Notice %s was not delivered: %s", notice_id, error)
    with connection.cursor() as cursor:
        cursor.execute(
            FAILED,
            {
                "id": notice_id,
                "error": error[:500],
                "tries": len(TRY_AGAIN_MIN),
                "minutes": list(TRY_AGAIN_MIN),
            },
        )
