"""The review queue: one conversation after the other, decided by one key each."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Conversation
from conversations.states import DECISIONS, ReasonCode, Status
from lib.stale_state import StaleState
from review.actions import assign, release_lock, skip, take_lock
from review.queue import count_today, find_last_decision
from review.web.forms import DecisionForm
from review.web.item_page import (
    find_reviewable,
    lead_to,
    link_to,
    open_queue_of,
    read_filters,
    render_item,
)
from workspaces.people import get_person

VERBS = {
    "approve": (Conversation.approve, Status.APPROVED),
    "reject": (Conversation.reject, Status.REJECTED),
    "needs_revision": (Conversation.send_back, Status.NEEDS_REVISION),
}


@require_safe
@login_required
def open_queue(request: HttpRequest) -> HttpResponse:
    """Leads to the first conversation of the queue. When nothing waits, it says what was done and what comes next."""
    form = read_filters(request)
    first = open_queue_of(request, form).find_first()
    if first is not None:
        return redirect(link_to(first, form))
    mine = Conversation.objects.visible_to(request.user).heads()
    approved = mine.approved().aggregate(all=Count("pk"), simulated=Count("pk", filter=Q(simulated=True)))
    context = {
        "today": count_today(get_person(request)),
        "chips": form.chips(),
        "filtered": bool(form.active()),
        "approved": approved["all"],
        "real": approved["all"] - approved["simulated"],
        "to_fix": mine.to_fix().count(),
        "flagged_since": mine.flagged_since_decision().count(),
        "last": find_last_decision(get_person(request)),
        "query": form.query,
    }
    return render(request, "review/empty.html", context)


@require_safe
@login_required
def show_item(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """One conversation of the queue, or one that was decided already: a decision may be changed."""
    found = find_reviewable(request, conversation_id)
    return render_item(request, found, read_filters(request), editing=_read_turn(request))


def _read_turn(request: HttpRequest) -> int:
    """The turn that is open for editing: `?edit=4`; 0 for none."""
    given = request.GET.get("edit", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


@require_POST
@login_required
def decide(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Decide and go on. To reject or send back without a reason asks for one; what somebody changed meanwhile is shown."""
    found = find_reviewable(request, conversation_id)
    form, said = read_filters(request), DecisionForm(request.POST)
    if not said.is_valid():
        return render_item(
            request, found, form, status=422, problem="The decision could not be read. Try again."
        )
    action = said.cleaned_data["action"]
    verb, status = VERBS[action]
    if action != "approve" and not said.says_why():
        return render_item(request, found, form, asked=action)
    queue = open_queue_of(request, form)
    after = queue.find_next(found)
    try:
        verb(
            found,
            by=get_person(request),
            note=said.cleaned_data["note"].strip(),
            reasons=[ReasonCode(each) for each in said.cleaned_data["reasons"]],
            revision=said.cleaned_data["revision"],
        )
    except StaleState as stale:
        found = find_reviewable(request, conversation_id)
        return render_item(
            request, found, form, status=409, problem=str(stale), note=said.cleaned_data["note"]
        )
    release_lock(found, user=get_person(request))
    if after is not None:
        take_lock(after, user=get_person(request))
    messages.success(request, f"{found.conversation_id}: {DECISIONS[status]}.")
    return lead_to(request, form, after)


@require_POST
@login_required
def undo_last(request: HttpRequest) -> HttpResponse:
    """Take the person's last decision back, and show that conversation again."""
    form, last = read_filters(request), find_last_decision(get_person(request))
    if last is None:
        messages.info(request, "There is nothing to undo: no decision of yours is still the newest one.")
        return lead_to(request, form, open_queue_of(request, form).find_first())
    found = find_reviewable(request, last.conversation_id)
    try:
        found.undo(last, by=get_person(request))
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        messages.success(request, f"{found.conversation_id}: taken back.")
    return lead_to(request, form, found)


@require_POST
@login_required
def skip_item(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Put it at the end of one's own queue and go on."""
    found, form = find_reviewable(request, conversation_id), read_filters(request)
    after = open_queue_of(request, form).find_next(found)
    skip(found, user=get_person(request))
    if after is None:
        messages.info(request, "It is the only one that waits.")
    return lead_to(request, form, after or found)


@require_POST
@login_required
def hold_lock(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The page says that it is open. Others pass this conversation by for ten minutes."""
    take_lock(find_reviewable(request, conversation_id), user=get_person(request))
    return HttpResponse(status=204)


@require_POST
@login_required
def assign_item(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Take the conversation for oneself, or give it back to everybody."""
    found, person = find_reviewable(request, conversation_id), get_person(request)
    assign(found, to=person if request.POST.get("to") == "me" else None, by=person)
    return lead_to(request, read_filters(request), found)
