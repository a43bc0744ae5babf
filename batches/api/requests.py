"""What several addresses of the API read from a request."""

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from batches.models.jobs import LONGEST_KEY


def read_idempotency_key(request: Request) -> str | None:
    """The header `Idempotency-Key`, None without it. Raises ValidationError for one that is too long or unprintable."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable():
        problem = f"At most {LONGEST_KEY} printable characters."
        raise ValidationError({"Idempotency-Key": [problem]})
    return key or None
