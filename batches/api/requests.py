"""What several addresses of the API read from a request."""

import hashlib
import json

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from batches.models import PaidRequest, RequestKey
from batches.models.jobs import LONGEST_KEY
from workspaces.people import get_person


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


def refuse_used_key(request: Request) -> None:
    """Raises KeyUsed for a key that came with another request. For requests that are carried out however often they come."""
    PaidRequest.objects.find_earlier(get_person(request), read_idempotency_key(request))
