"""Middleware: the statements of a request say to the database whose it is (workspaces/isolation/reach.py)."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from workspaces.isolation.reach import Reach


class ReachMiddleware:
    """Comes after the one that sets `request.user`. An API token is met later, by `workspaces.authentication`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reach = Reach()
        request.user = SimpleLazyObject(lambda: meet(request, reach))  # type: ignore[assignment]
        with reach.entered():
            response: Any = self.get_response(request)
        if response.streaming and not isinstance(response, FileResponse):  # a file asks the database nothing
            response.streaming_content = reach.iterate(response.streaming_content)
        return response  # type: ignore[no-any-return]


def meet(request: HttpRequest, reach: Reach) -> Any:
    """The person of this session, for whom the request acts from now on. In the admin a superuser reaches all workspaces."""
    person = get_user(request)
    in_admin = request.path.startswith("/admin/")
    reach.act_for(person, everything=in_admin and person.is_active and person.is_superuser)
    return person
