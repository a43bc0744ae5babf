"""ETags of single objects, and changes that are made only if the caller has read the newest state (`If-Match`)."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model
from rest_framework.request import Request
from rest_framework.response import Response

from lib.stale_state import StaleState

LONGEST = 1_000  # characters of the header that are read
ANY = "*"


class StaleETag(StaleState):
    """The object has another ETag than the one that the caller has read. Answered as HTTP 409."""

    def __init__(self) -> None:
        self.noun, self.verb, self.status = "object", "changed", "changed"
        Exception.__init__(self, "It has changed since you read it (If-Match). Read it again, then decide.")


def make_etag(state: Any) -> str:
    """A strong ETag, in its quotation marks, of anything that can be written as JSON."""
    text = json.dumps(state, cls=DjangoJSONEncoder, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def render_with_etag(answer: dict[str, Any], *, state: Any = None) -> Response:
    """200 with the ETag of the answer, or of `state` where the answer has more than what a change is about."""
    return Response(answer, headers={"ETag": make_etag(answer if state is None else state)})


def check_match(request: Request, state: Callable[[], Any]) -> None:
    """Raises StaleETag when the request has an `If-Match` that names another state than this. `*` names any."""
    wanted = read_match(request)
    if wanted and ANY not in wanted and make_etag(state()) not in wanted:
        raise StaleETag


@contextmanager
def hold_unchanged(request: Request, rows: Sequence[Model], state: Callable[[], Any]) -> Iterator[None]:
    """For a change: compare, and let nobody come between. Without `If-Match` it does nothing at all.

    `rows` are locked in this order, which must be that of the action inside. `state` reads them anew.
    """
    if not read_match(request):
        yield
        return
    with transaction.atomic():
        for row in rows:
            locked = type(row)._default_manager.select_for_update(no_key=True, of=("self",))
            list(locked.filter(pk=row.pk).values_list("pk"))
        check_match(request, state)
        yield


def read_match(request: Request) -> list[str]:
    """The ETags of `If-Match`, in quotation marks, empty without the header. `W/` and missing marks do not matter."""
    given = request.headers.get("If-Match", "")[:LONGEST]
    words = (word.strip() for word in given.split(","))
    return [word if word == ANY else '"' + re.sub(r'^W/|"', "", word) + '"' for word in words if word]
