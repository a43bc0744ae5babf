"""The Idempotency-Key of a request, and answers that are the same however often it is sent."""

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from background.models import BackgroundJob, JobRequest
from workspaces.models import LONGEST_KEY, RequestKey
from workspaces.people import get_person

Made = TypeVar("Made")


def read_idempotency_key(request: Request) -> RequestKey | None:
    """The header `Idempotency-Key` with what this request asks, None without it.

    Raises ValidationError for a key that is too long or unprintable. The body counts as what it says: neither white space
    nor the order of its fields matters. A slash at the end of the path does not matter either.
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable():
        problem = f"At most {LONGEST_KEY} printable characters."
        raise ValidationError({"Idempotency-Key": [problem]})
    if not key:
        return None
    body = json.dumps(request.data, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return RequestKey(
        key=key,
        method=str(request.method),
        path=request.path.rstrip("/").lower(),
        body_hash=hashlib.sha256(body).hexdigest(),
    )


def find_earlier_job(request: Request) -> BackgroundJob | None:
    """The job that an earlier request with this key has started. Raises Http404 and KeyUsed, as `find_earlier`."""
    earlier = JobRequest.objects.find_earlier(get_person(request), read_idempotency_key(request))
    return earlier.job if earlier else None


def start_once(
    request: Request, start: Callable[[RequestKey | None], Made], again: Callable[[BackgroundJob], Made]
) -> Made:
    """What `start` makes. Where the key of this request was sent before, what `again` makes of the job that it led to.

    `start` gives the key to the action that adds the job: of several requests at the same moment one carries it out.
    """
    sent = read_idempotency_key(request)
    if (earlier := find_earlier_job(request)) is not None:
        return again(earlier)
    try:
        return start(sent)
    except IntegrityError:
        if (earlier := find_earlier_job(request)) is None:
            raise
        return again(earlier)
