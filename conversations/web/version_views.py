"""The versions of a conversation: two of them side by side, and an earlier one brought back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from conversations import versions
from conversations.models import Conversation
from conversations.web.differences import compare_turns
from lib.stale_state import StaleState
from workspaces.people import get_person

MOST_DIGITS = 6


@require_safe
@login_required
def compare_versions(request: HttpRequest, conversation_id: UUID, old: int, new: int) -> HttpResponse:
    """Any two versions of the chain, turn by turn. `?old=1&new=3`, as its form sends it, leads to their address."""
    found: Conversation = Conversation.objects.get_visible_or_404(request.user, conversation_id)
    if chosen := _read_chosen(request):
        return redirect("conversation_diff", found.root_id, *chosen)
    chain = versions.list_chain(found)
    by_number = {each.version: each for each in chain}
    if old not in by_number or new not in by_number:
        raise Http404
    before, after = by_number[old], by_number[new]
    changes = compare_turns(versions.read_turns(before), versions.read_turns(after))
    head = next(each for each in chain if each.is_head)
    context = {
        "old": before,
        "new": after,
        "head": head,
        "numbers": sorted(by_number),
        "changes": changes,
        "differ": any(each.kind != "same" for each in changes),
    }
    return render(request, "conversations/compare.html", context)


def _read_chosen(request: HttpRequest) -> tuple[int, int] | None:
    texts = [request.GET.get(name, "") for name in ("old", "new")]
    if not all(text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS for text in texts):
        return None
    return int(texts[0]), int(texts[1])


@require_POST
@login_required
def bring_back_version(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Copy this version as the current one, and show that."""
    found: Conversation = Conversation.objects.get_editable_or_403(request.user, conversation_id)
    try:
        made = versions.bring_back(found, by=get_person(request))
    except StaleState as stale:
        messages.error(request, str(stale))
        return redirect("conversation", found.pk)
    messages.success(
        request, f"Version {made.version} has the text of version {found.version}, and is the current one."
    )
    return redirect("conversation", made.pk)


def _say_earlier_status(version: Conversation) -> str:
    """What a replaced version was: `was approved`."""
    before = version.status_before_archive.replace("_", " ")
    return f"was {before}" if before else "archived"


def build_chain_context(found: Conversation) -> dict[str, Any]:
    """The versions of the conversation for its page, the newest first, each with the number of the one that it replaced."""
    chain = versions.list_chain(found)
    numbers: dict[UUID | None, int] = {each.pk: each.version for each in chain}
    return {
        "chain": [
            {"version": each, "made_from": numbers.get(each.parent_id), "was": _say_earlier_status(each)}
            for each in reversed(chain)
        ],
        "current": next((each for each in chain if each.is_head), found),
        "keys": [each.pk for each in chain],
    }
