"""What every full page needs in addition to its own content. It is lazy, so that fragments do not pay for it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from batches.models import BatchJob
from batches.models.states import RUNNING
from conversations.models import Conversation, ConversationQuerySet
from conversations.queue import count_waiting
from lib.paging import count_up_to_limit
from workspaces.people import Powers, get_chosen_key
from workspaces.web.keyboard import KEYS
from workspaces.web.sign_in import THEMES

# Every page counts for its menu, so it counts no further than this; the list and the review say the exact numbers.
COUNTED = 1_000


def build_shell(request: HttpRequest) -> dict[str, Any]:
    """`demo`, `theme` and `keys`, and for a signed-in person the running batch, the numbers of conversations, `powers`, and the name
    of the workspace that is chosen for the session, if one is (`working`).
    """
    # One object for all of them, so that the person's workspaces are looked up once.
    powers: Any = SimpleLazyObject(lambda: Powers.of(request.user))
    waiting: Any = SimpleLazyObject(
        lambda: count_waiting(Conversation.objects.filter(workspace__in=powers.reviews), most=COUNTED)
    )
    return {
        "demo": settings.DEMO,
        "theme": get_theme(request),
        "keys": "off" if request.COOKIES.get(KEYS) == "off" else "on",
        "powers": powers,
        "working": SimpleLazyObject(lambda: find_working_name(request, powers)),
        "running": SimpleLazyObject(lambda: find_running_job(powers)),
        "conversation_count": SimpleLazyObject(
            lambda: format_count(Conversation.objects.filter(workspace__in=powers.sees).heads())
        ),
        "review_waiting": waiting,
    }


def find_working_name(request: HttpRequest, powers: Powers) -> str:
    """Empty where none is chosen, and where this person only looks: what they make goes into their own workspace then."""
    key = get_chosen_key(request)
    return next((name for each, name in powers.names if each == key and each in powers.edits), "")


def get_theme(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else "system"


def find_running_job(powers: Powers) -> BatchJob | None:
    """The newest running batch of what the person sees, which the strip under the top bar shows."""
    if not powers.sees:
        return None
    rows = BatchJob.objects.filter(workspace__in=powers.sees).listed().filter(status__in=RUNNING)
    found: BatchJob | None = rows.newest_first().first()
    return found


def format_count(rows: ConversationQuerySet) -> str:
    """`181`, or above a thousand `1,000+`."""
    count, more = count_up_to_limit(rows, limit=COUNTED)
    return f"{count:,}+" if more else f"{count:,}"
