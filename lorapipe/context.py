"""What every full page needs beside its own content. Everything is lazy: a fragment pays for none of it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from batches.models import BatchJob
from batches.models.states import RUNNING
from conversations.models import Conversation
from lib.paging import bounded_count
from workspaces.views import THEMES


def shell(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `theme`, and for who is signed in the running batch and the (bounded) number of conversations."""
    return {
        "demo": settings.DEMO,
        "theme": theme(request),
        "running": SimpleLazyObject(lambda: running_job(request)),
        "conversation_count": SimpleLazyObject(lambda: conversation_count(request)),
    }


def theme(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else "system"


def running_job(request: HttpRequest) -> BatchJob | None:
    """The batch that the strip under the top bar shows: the newest one that is under way."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    found: BatchJob | None = (
        BatchJob.objects.visible_to(user).listed().filter(status__in=RUNNING).newest_first().first()
    )
    return found


def conversation_count(request: HttpRequest) -> str:
    """`1,181`; past ten thousand `10,000+`, because nobody needs the exact number and counting it is slow."""
    count, more = bounded_count(Conversation.objects.visible_to(request.user))
    return f"{count:,}+" if more else f"{count:,}"
