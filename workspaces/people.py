"""The person who makes a request, for pages and for the API, and where this person may do what."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from rest_framework.request import Request

from workspaces.models import Membership, User, Workspace, list_places

CHOSEN = "workspace"  # where a session keeps the key of the chosen workspace


def get_person(request: HttpRequest | Request) -> User:
    """The signed-in person, who works in the workspace chosen for this session.

    Raises PermissionDenied for anybody else; the views that call this require a sign-in.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    request.user.works_in = get_chosen_key(request)
    return request.user


def get_chosen_key(request: HttpRequest | Request) -> UUID | None:
    """The key of the workspace chosen for this session. A program with a token has chosen none."""
    session = getattr(request, "session", None)
    kept = session.get(CHOSEN) if session is not None and getattr(request, "auth", None) is None else None
    return UUID(kept) if kept else None


def find_workspace(key: UUID | None, *, by: User, roles: Collection[str] | None = None) -> Workspace:
    """The workspace of this key; without one that in which the person works (`User.working_workspace`).

    Raises Http404 for a key of a workspace in which this person is not, or which the token does not open.
    """
    if key is None:
        return by.working_workspace(roles)
    found = Workspace.objects.filter(pk=key, pk__in=Membership.objects.of(by).values("workspace")).first()
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True, kw_only=True)
class Powers:
    """The workspaces that a person sees, those to edit in, and those to decide in: pages show no other verbs.

    `names` has those that a person sees by name, for the menu.
    """

    names: tuple[tuple[UUID, str], ...]
    sees: frozenset[UUID]
    edits: frozenset[UUID]
    reviews: frozenset[UUID]

    @classmethod
    def of(cls, user: Any) -> "Powers":
        """In one query at most. Somebody who is not signed in may nothing."""
        places = sorted(list_places(user), key=lambda each: each.name.casefold())
        return cls(
            names=tuple((each.workspace, each.name) for each in places),
            sees=frozenset(each.workspace for each in places),
            edits=frozenset(each.workspace for each in places if each.role in Membership.EDITORS),
            reviews=frozenset(each.workspace for each in places if each.role in Membership.REVIEWERS),
        )
