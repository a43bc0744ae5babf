"""What the forms of batches send beside their fields: the idempotency key, and the revision of the plan."""

from django.http import HttpRequest

from batches.models.jobs import LONGEST_KEY

MOST_DIGITS = 8


def read_key(request: HttpRequest) -> str | None:
    """The idempotency key of the form, None when it has none."""
    return request.POST.get("idempotency_key", "")[:LONGEST_KEY] or None


def read_revision(request: HttpRequest, name: str = "revision") -> int:
    """The revision of the plan that the page showed; 0, which no plan has, for anything that is no number."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else 0
