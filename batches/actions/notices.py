"""Tell people when a batch has ended or waits for them: on the pages, and to a webhook of their workspace.

The dispatcher makes a notice once per job and status; the row decides about its delivery, a message only hints at it.
The webhook follows the Standard Webhooks specification: webhook-id, webhook-timestamp, webhook-signature (v1, HMAC-SHA256).
"""

import json
import logging
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from standardwebhooks import Webhook as Signer

from batches.models import DeliveryState, Notice, Webhook
from batches.reports.reason_texts import REASONS
from lib.amounts import format_number
from lorapipe.queues import Queue
from workspaces.audit import record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

logger = logging.getLogger(__name__)

DELIVER = "batches.deliver"  # the task by its name
# Minutes until the next try, for the first to the sixth failure; after that the notice stays on the pages only.
TRY_AGAIN_MIN = (1, 5, 15, 60, 240)
TIMEOUT_S = 10.0
DISPATCH_AGAIN_S = 60.0
AT_ONCE = 50

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
DUE = """
UPDATE notices SET next_at = clock_timestamp() + make_interval(secs => %(again)s) WHERE id = ANY(ARRAY(
    SELECT id FROM notices WHERE delivery = 'waiting' AND next_at <= clock_timestamp()
     ORDER BY next_at LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED))
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
    """A notice for each job whose end or stop nobody was told of; a pause by a person is none. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE, {"at_once": AT_ONCE})
        return int(cursor.rowcount)


def due_deliveries() -> list[UUID]:
    """Notices that a webhook waits for; they are not due again for a minute. Publish them after the commit."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"again": DISPATCH_AGAIN_S, "at_once": AT_ONCE})
        return [row[0] for row in cursor.fetchall()]


def publish_deliveries(ids: list[UUID]) -> None:
    """Tell the interactive worker. A broker that is away changes nothing: they are due again in a minute."""
    for notice_id in ids:
        try:
            current_app.send_task(
                DELIVER, args=[str(notice_id)], queue=Queue.INTERACTIVE.value, retry=False, ignore_result=True
            )
        except (BrokerError, OSError) as problem:
            logger.warning("The broker is away (%s): notices will be sent later", problem)
            return


def deliver(notice_id: UUID) -> None:
    """Send one notice to its workspace's webhook. Twice at worst: `webhook-id` is the same then."""
    notice = (
        Notice.objects.select_related("job", "workspace__webhook")
        .filter(pk=notice_id, delivery=DeliveryState.WAITING)
        .first()
    )
    if notice is None:
        return
    webhook = getattr(notice.workspace, "webhook", None)
    connection.close()  # none is held while the receiver thinks
    if webhook is None:
        Notice.objects.filter(pk=notice.pk).update(delivery=DeliveryState.NONE, next_at=None)
        return
    try:
        send(webhook, notice_id=str(notice.pk), body=body_of(notice))
    except CannotDeliver as problem:
        _note_failure(notice.pk, str(problem))
    else:
        Notice.objects.filter(pk=notice.pk, delivery=DeliveryState.WAITING).update(
            delivery=DeliveryState.DELIVERED, next_at=None, delivery_error=""
        )


def body_of(notice: Notice) -> bytes:
    """What the receiver gets: camelCase, as the API speaks."""
    about: dict[str, Any] = {
        "type": f"batch.{notice.status}",
        "timestamp": notice.created_at.isoformat(),
        "data": {
            "jobId": str(notice.job_id),
            "name": notice.job.name,
            "status": notice.status,
            "reason": notice.reason or None,
            "message": words_of(notice),
            "completedItems": notice.completed_items,
            "failedItems": notice.failed_items,
            "totalItems": notice.total_items,
            "actualCost": format_number(notice.job.spent),
            "simulated": notice.job.simulated,
        },
    }
    return json.dumps(about, ensure_ascii=False).encode()


def words_of(notice: Notice) -> str:
    """The notice in a sentence."""
    if notice.status == "completed":
        failed = f", {notice.failed_items} failed" if notice.failed_items else ""
        return f"Finished: {notice.completed_items} of {notice.total_items} conversations{failed}."
    found = REASONS.get(notice.reason)
    return f"{found.title}. {found.advice}" if found else "It stopped. Resume goes on with what is left."


def send(webhook: Webhook, *, notice_id: str, body: bytes, at: datetime | None = None) -> None:
    """POST the body, signed. Raises CannotDeliver for everything but a 2xx; redirects are not followed."""
    if wrong := url_problem(webhook.url):
        raise CannotDeliver(wrong)
    moment = at or timezone.now()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"LoRAPipe/{settings.VERSION}",
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(webhook.key()).sign(notice_id, moment, body.decode()),
    }
    try:
        with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            answer = client.post(webhook.url, content=body, headers=headers)
    except Exception as problem:  # whatever keeps it from being sent, the notice itself stays
        raise CannotDeliver(f"{type(problem).__name__}: no answer from {webhook.url}") from problem
    if not answer.is_success:
        raise CannotDeliver(f"{webhook.url} answered {answer.status_code}")


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
        action, kept = Action.CREATE, Webhook.objects.create(workspace=workspace, url=url)
    elif not url:
        action = Action.REMOVE
        rows.delete()
    elif kept.url == url and not renew:
        return
    else:
        action = Action.RENEW_SECRET if renew else Action.CHANGE
        rows.update(url=url, generation=F("generation") + int(renew))
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
