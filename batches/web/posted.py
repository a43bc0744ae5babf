"""What the forms of batches send beside their own fields: the idempotency key, and the revision of the plan."""

from django.http import HttpRequest

from batches.models import BatchJob, RequestKey
from batches.models.jobs import LONGEST_KEY
from batches.planning.plan import PlanError
from lib.row_problems import RowProblem

MOST_DIGITS = 8


def read_key(request: HttpRequest) -> RequestKey | None:
    """The idempotency key of the form, or None."""
    key = request.POST.get("idempotency_key", "")[:LONGEST_KEY]
    return RequestKey(key=key) if key else None


def read_revision(request: HttpRequest, name: str = "revision") -> int:
    """The revision of the plan that the page showed. A text that is no number gives 0, which no plan has."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else 0


def check_not_started(request: HttpRequest, started: BatchJob | None) -> None:
    """Raises PlanError when the plan was started a short while ago and the page of this form did not say so."""
    if started is None or request.POST.get("seen_start") == str(started.pk):
        return
    words = f"This was started a short while ago as “{started.name}”. Press again to make and pay for it a second time."
    raise PlanError([RowProblem(None, "", words)])
