"""Edits of a turn and comments on it, from the page of the queue."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from conversations.models import Conversation
from conversations.versions import LONGEST_TURN, EditError, edit
from lib.stale_state import StaleState
from review.actions import CommentError, comment, discard_drafts, resolve, save_draft, take_lock
from review.models import Comment
from review.web.item_page import find_reviewable, lead_to, open_queue_of, read_filters, render_item
from workspaces.people import get_person


def find_to_edit(request: HttpRequest, conversation_id: UUID) -> Conversation:
    found = find_reviewable(request, conversation_id)
    if not Conversation.objects.editable_by(request.user).contains(found):
        raise PermissionDenied
    return found


def read_turn_number(request: HttpRequest) -> int:
    """The number of the turn; 0 when there is none in the form."""
    given = request.POST.get("turn", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


@require_POST
@login_required
def keep_draft(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Keep what is being written; the answer says when."""
    found, turn = find_to_edit(request, conversation_id), read_turn_number(request)
    text = request.POST.get("text", "")
    if len(text) > LONGEST_TURN or not found.turns.filter(turn_number=turn).exists():
        return HttpResponse("Not saved: the turn is too long or does not exist.", status=422)
    save_draft(found, turn=turn, text=text, user=get_person(request))
    return render(request, "review/saved.html", {"at": timezone.localtime(), "turn": turn})


@require_POST
@login_required
def save_edit(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Save the edit as a new version, approve it if asked, or discard it. A stale one shows both texts."""
    found, form = find_to_edit(request, conversation_id), read_filters(request)
    person, turn, text = get_person(request), read_turn_number(request), request.POST.get("text", "")
    action, text = request.POST.get("action", "save"), text.replace("\r\n", "\n")
    if action == "discard":
        discard_drafts(found, user=person)
        return lead_to(request, form, found)
    after = open_queue_of(request, form).find_next(found) if action == "approve" else None
    try:
        revision = int(request.POST.get("revision", ""))
        made = edit(found, {turn: text}, by=person, revision=revision, approve=action == "approve")
    except (EditError, ValueError) as wrong:
        problem = str(wrong) if isinstance(wrong, EditError) else "The page is old. Load it again."
        return render_item(request, found, form, status=422, problem=problem, editing=turn, text=text)
    except StaleState as stale:
        newest = Conversation.objects.get(root=found.root_id, is_head=True)
        newest = find_reviewable(request, newest.pk)
        return render_item(
            request, newest, form, status=409, problem=str(stale), editing=turn, text=text, both=True
        )
    discard_drafts(found, user=person)
    take_lock(made, user=person)
    if made.pk != found.pk:
        done = "saved and approved" if action == "approve" else "saved"
        messages.success(request, f"Version {made.version} is {done}.")
    return lead_to(request, form, after or made)


@require_POST
@login_required
def add_comment(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    found, form = find_reviewable(request, conversation_id), read_filters(request)
    try:
        comment(
            found, turn=read_turn_number(request), text=request.POST.get("text", ""), by=get_person(request)
        )
    except CommentError as wrong:
        return render_item(request, found, form, status=422, problem=str(wrong))
    return lead_to(request, form, found)


@require_POST
@login_required
def resolve_comment(request: HttpRequest, comment_id: UUID) -> HttpResponse:
    found: Comment = Comment.objects.get_visible_or_404(request.user, comment_id)
    conversation = find_reviewable(request, found.conversation_id)
    resolve(found)
    return lead_to(request, read_filters(request), conversation)
