"""What the forms of batches send beside their own fields: the idempotency key, and the revision of the plan."""

import hashlib
import json

from django.http import HttpRequest

from batches.models import BatchJob
from batches.planning.plan import PlanError
from lib.row_problems import RowProblem
from workspaces.models import LONGEST_KEY, RequestKey

MOST_DIGITS = 8
NOT_ASKED = ("csrfmiddlewaretoken", "idempotency_key")  # what the form sends beside what it asks


def read_key(request: HttpRequest) -> RequestKey | None:
    """The idempotency key of the form with what the form asks, or None. At another address, or with other values, it asks something else."""
    key = request.POST.get("idempotency_key", "")[:LONGEST_KEY]
    if not key:
        return None
    return RequestKey(
        key=key, method=str(request.method), path=request.path.rstrip("/"), body_hash=_hash_form(request)
    )


def _hash_form(request: HttpRequest) -> str:
    asked = sorted((name, texts) for name, texts in request.POST.lists() if name not in NOT_ASKED)
    found = hashlib.sha256(json.dumps(asked).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            found.update(json.dumps([name, file.name, file.size]).encode())
            for chunk in file.chunks():
                found.update(chunk)
            file.seek(0)
    return found.hexdigest()


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
