"""The tables of all rooms as one."""

from functools import lru_cache
from typing import Any

from django.urls import URLPattern

from analytics.api import operations as analytics
from background.api import operations as background
from batches.api import operations as batches
from conversations.api import operations as conversations
from exports.api import operations as exports
from lib.api.operations import Operation
from templates_app.api import operations as templates
from workspaces.api import operations as workspaces

# A room whose addresses another one joins comes before it: its words are the first.
ROOMS = (workspaces, background, templates, conversations, batches, analytics, exports)


@lru_cache(maxsize=1)
def join_tables() -> dict[tuple[str, str], Operation]:
    """By method and name of the route. What two rooms describe is joined: each answers some of its bodies."""
    found: dict[tuple[str, str], Operation] = {}
    for room in ROOMS:
        for place, operation in room.OPERATIONS.items():
            found[place] = found[place].join(operation) if place in found else operation
    return found


def list_methods(route: URLPattern) -> list[str]:
    """The methods that a route takes, without OPTIONS, in the order of the alphabet."""
    view: Any = route.callback
    return sorted(set(view.cls(**view.initkwargs).allowed_methods) - {"OPTIONS"})


def find_operation(method: str, route: str) -> Operation | None:
    return join_tables().get((method, route))
