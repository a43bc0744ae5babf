"""The person who makes a request, for pages and for the API."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.request import Request

from workspaces.models import User


def get_person(request: HttpRequest | Request) -> User:
    """The signed-in person. Raises PermissionDenied for anybody else; the views that call this require a sign-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
