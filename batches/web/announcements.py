"""Toasts that say, on whatever page one is, that a batch or a background job has ended, or that a batch waits."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from batches.actions.notices import words_of
from batches.models import Notice
from batches.models.states import JobStatus

TOLD_UNTIL = "notices_told_until"  # in the session: the time of the newest notice that was announced
MOST_AT_ONCE = 3


def announce_new_notices(request: HttpRequest) -> None:
    """A toast for each notice since the last look of this session, three at most. The page of notices has them all."""
    since = _read_last_look(request)
    if since is None:
        request.session[TOLD_UNTIL] = timezone.now().isoformat()
        return
    rows = Notice.objects.visible_to(request.user).filter(created_at__gt=since).with_job()
    found = list(rows.order_by("-created_at")[:MOST_AT_ONCE])
    for notice in reversed(found):
        well = notice.status == JobStatus.COMPLETED and not notice.failed_items and not notice.reason
        link = format_html('<a href="{}">{}</a>', notice.target_url, notice.name)
        level = messages.SUCCESS if well else messages.WARNING
        messages.add_message(request, level, format_html("{}: {}", link, words_of(notice)))
    if found:
        request.session[TOLD_UNTIL] = found[0].created_at.isoformat()


def _read_last_look(request: HttpRequest) -> datetime | None:
    kept = request.session.get(TOLD_UNTIL)
    return parse_datetime(kept) if isinstance(kept, str) else None
