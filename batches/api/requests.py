"""What several addresses of the API read from a request."""

from rest_framework.request import Request

from background.api.requests import read_idempotency_key
from batches.models import PaidRequest
from workspaces.people import get_person


def refuse_used_key(request: Request) -> None:
    """Raises KeyUsed for a key that came with another request. For requests that are carried out however often they come."""
    PaidRequest.objects.find_earlier(get_person(request), read_idempotency_key(request))
