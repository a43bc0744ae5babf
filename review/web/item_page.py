"""What the page of a conversation in the queue shows, and the answer that leads from one to the next."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from conversations.models import Conversation, Decision
from conversations.states import ReasonCode, Status
from conversations.versions import list_chain
from conversations.web.flags import describe_flags
from conversations.web.forms import read_filter
from lib.htmx import is_htmx
from review.actions import find_holder
from review.models import Comment, Draft
from review.queue import Queue, count_today, find_queue
from review.web.forms import QueueForm
from review.web.judged_rows import build_judgement
from workspaces.models import User
from workspaces.people import get_person

RELATED = ("template_version__template", "origin_job", "approved_by", "root")


def read_filters(request: HttpRequest) -> QueueForm:
    """The filters of the queue: a page has them in its address, a form sends them along as `query`.

    Raises BadRequest, see `read_filter`.
    """
    given = request.POST.get("query") if request.method == "POST" else None
    return QueueForm(request.GET if given is None else QueryDict(read_filter(given)))


def find_reviewable(request: HttpRequest, conversation_id: UUID) -> Conversation:
    """The conversation. Raises Http404 when it is somebody else's, PermissionDenied when one may only read it."""
    rows = Conversation.objects.select_related(*RELATED)
    found: Conversation = rows.get_visible_or_404(request.user, conversation_id)
    if not Conversation.objects.reviewable_by(request.user).contains(found):
        raise PermissionDenied
    return found


def open_queue_of(request: HttpRequest, form: QueueForm) -> Queue:
    # A search counts what it finds, so it needs the person's own rows; other filters wait for `find_queue`.
    rows = (
        Conversation.objects.undecided().reviewable_by(request.user)
        if form.search_text
        else Conversation.objects.all()
    )
    rows = form.narrow(rows)
    return find_queue(get_person(request), rows, order=form.queue_order, mine=bool(form.chosen("mine")))


def link_to(conversation: Conversation, form: QueueForm) -> str:
    return reverse("review_item", args=[conversation.pk]) + (f"?{form.query}" if form.query else "")


def lead_to(request: HttpRequest, form: QueueForm, place: Conversation | None) -> HttpResponse:
    """The answer to a decision: the next conversation at once, or the end of the queue.

    A page that has fetched the next one already, and says so with `ahead`, gets the new numbers alone.
    """
    if place is None:
        return _go(request, reverse("review") + (f"?{form.query}" if form.query else ""))
    if not is_htmx(request):
        return redirect(link_to(place, form))
    if request.POST.get("ahead") == link_to(place, form):
        numbers = count_queue(open_queue_of(request, form), get_person(request))
        return render(request, "review/numbers.html", numbers)
    found = Conversation.objects.select_related(*RELATED).get(pk=place.pk)
    response = render(request, "review/item.html#item", build_item(request, found, form))
    response["HX-Push-Url"] = link_to(place, form)
    return response


def _go(request: HttpRequest, address: str) -> HttpResponse:
    if not is_htmx(request):
        return redirect(address)
    return HttpResponse(headers={"HX-Redirect": address})


def render_item(
    request: HttpRequest, found: Conversation, form: QueueForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    part = "#item" if is_htmx(request) else ""
    context = {**build_item(request, found, form), **more}
    return render(request, f"review/item.html{part}", context, status=status)


def count_queue(queue: Queue, person: User) -> dict[str, Any]:
    """How many conversations wait, and how many this person has decided today."""
    waiting, more = queue.count()
    return {"waiting": f"{waiting:,}{'+' if more else ''}", "today": count_today(person)}


def build_item(request: HttpRequest, found: Conversation, form: QueueForm) -> dict[str, Any]:
    """Everything on the page of one conversation. Nothing of score and judge is in it in blind mode."""
    person = get_person(request)
    queue = open_queue_of(request, form)
    before, after = queue.find_previous(found), queue.find_next(found)
    hidden = form.hides_score and not found.decided_at
    flags = [] if hidden else describe_flags(found)
    return {
        "conversation": found,
        "turns": build_turns(found, person, flags),
        "flags": [each for each in flags if each.turn is None],
        **({} if hidden else build_judgement(found, person)),
        "hidden": hidden,
        **count_queue(queue, person),
        "previous": link_to(before, form) if before else "",
        "next": link_to(after, form) if after else "",
        "query": form.query,
        "reasons": [
            {"key": key, "code": code, "words": words}
            for key, (code, words) in enumerate(ReasonCode.choices, start=1)
        ],
        "holder": find_holder(found, user=person),
        "chain": list(reversed(list_chain(found))),
        "decisions": list(Decision.objects.of_chain(found.root_id).select_related("conversation")[:20]),
        "can_decide": found.is_head and found.status != Status.ARCHIVED,
        "can_edit": found.is_head and Conversation.objects.editable_by(person).contains(found),
        "assignment": getattr(found.root, "assignment", None),
        "form": form,
    }


def build_turns(found: Conversation, person: User, flags: list[Any]) -> list[dict[str, Any]]:
    """The turns, each with its flags, the comments on its text, and this person's unsaved edit of it."""
    comments = defaultdict(list)
    for each in Comment.objects.of_chain(found).filter(resolved_at=None).select_related("created_by"):
        comments[each.turn_number].append(each)
    drafts = {each.turn_number: each for each in Draft.objects.filter(conversation=found, user=person)}
    return [
        {
            "turn": turn,
            "flags": [each for each in flags if each.turn == turn.turn_number],
            "comments": [each for each in comments[turn.turn_number] if turn.content.startswith(each.quote)],
            "draft": drafts.get(turn.turn_number),
        }
        for turn in found.turns.all()
    ]
