"""The person who makes a request, for pages and for the API, and where this person may do what."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.request import Request

from workspaces.models import Membership, User


def get_person(request: HttpRequest | Request) -> User:
    """The signed-in person. Raises PermissionDenied for anybody else; the views that call this require a sign-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@dataclass(frozen=True, kw_only=True)
class Powers:
    """The workspaces that a person sees, those to edit in, and those to decide in: pages show no other verbs."""

    sees: frozenset[UUID]
    edits: frozenset[UUID]
    reviews: frozenset[UUID]

    @classmethod
    def of(cls, user: Any) -> "Powers":
        """In one query. Somebody who is not signed in may nothing."""
        rows = Membership.objects.filter(user=user) if user.is_authenticated else Membership.objects.none()
        roles = list(rows.values_list("workspace_id", "role"))
        return cls(
            sees=frozenset(key for key, _ in roles),
            edits=frozenset(key for key, role in roles if role in Membership.EDITORS),
            reviews=frozenset(key for key, role in roles if role in Membership.REVIEWERS),
        )
