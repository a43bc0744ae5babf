"""One action on many conversations of the list: it is confirmed with their number, which is counted again when it is done."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from background.models import BackgroundJob
from conversations.bulk import (
    DECIDES,
    MOST_AT_ONCE,
    POSSIBLE,
    BulkResult,
    CannotFindAll,
    TooMany,
    decide_chosen,
)
from conversations.jobs.bulk import MOST_IN_JOB, SeveralWorkspaces, decide_about_matching
from conversations.models import Conversation, ConversationQuerySet
from conversations.models.decisions import LONGEST_NOTE
from conversations.states import BulkAction, ReasonCode, Status
from lib.count_changed import CountChanged
from review.actions import assign_many, list_reviewers
from review.web.selection import Selection
from workspaces.models import User
from workspaces.people import get_person


class Verb(NamedTuple):
    """How a page calls an action, and how it says that it is done."""

    word: str
    done: str


ASSIGN = "assign"
# These have a page of their own, which shows first what it costs, or what there is to choose.
PRICED = {"regenerate": "regenerate_many", "judge": "judge_many", "export": "export_new"}
VERBS: Mapping[str, Verb] = {
    BulkAction.APPROVE.value: Verb("Approve", "approved"),
    BulkAction.NEEDS_REVISION.value: Verb("Send back", "sent back for revision"),
    BulkAction.REJECT.value: Verb("Reject", "rejected"),
    BulkAction.ARCHIVE.value: Verb("Archive", "archived"),
    BulkAction.RESTORE.value: Verb("Restore", "taken out of the archive"),
    ASSIGN: Verb("Assign", "assigned"),
}
ASKS_WHY = frozenset({BulkAction.REJECT.value, BulkAction.NEEDS_REVISION.value})
LEAVE_DATASET = ASKS_WHY | {BulkAction.ARCHIVE.value}
NOBODY = "nobody"
MOST_REASONS_TOLD = 3


class BulkForm(forms.Form):
    """`count` is the number that the page showed; without it the page asks first."""

    action = forms.ChoiceField(choices=[(name, name) for name in (*VERBS, *PRICED)])
    count = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    note = forms.CharField(label="Note", required=False, max_length=LONGEST_NOTE)
    reasons = forms.MultipleChoiceField(required=False, choices=ReasonCode.choices)
    assignee = forms.CharField(label="Reviewer", required=False, max_length=40)

    def says_why(self) -> bool:
        return bool(self.cleaned_data["note"].strip() or self.cleaned_data["reasons"])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_many(request: HttpRequest) -> HttpResponse:
    """The first POST asks, with the number and what it means; the one with `count` acts, if the number is still true."""
    if request.method != "POST":
        return redirect("conversations")
    selection, person = Selection.of(request.POST), get_person(request)
    action = selection.action
    if problem := _find_problem(action, selection):
        return _lead_back(request, selection, problem)
    if action in PRICED:
        query = selection.priced_query
        return redirect(reverse(PRICED[action]) + (f"?{query}" if query else ""))
    try:
        rows = selection.find(_find_changeable(person, action))
    except CannotFindAll as wrong:
        return _lead_back(request, selection, str(wrong))
    if "count" not in request.POST:
        return _ask(request, selection, action, rows, form=BulkForm())
    form = BulkForm(request.POST)
    try:
        done = _act(selection, action, rows, form=form, by=person)
    except CountChanged as changed:
        form.add_error(None, str(changed))
        return _ask(request, selection, action, rows, form=form, status=409)
    if done is None:
        return _ask(request, selection, action, rows, form=form, status=422)
    if isinstance(done, BackgroundJob):
        messages.info(request, f"{done.name}: this goes on in the background.")
        return redirect(done)
    messages.add_message(
        request, messages.SUCCESS if done.changed else messages.INFO, _describe(done, action)
    )
    return _lead_back(request, selection)


def _find_problem(action: str, selection: Selection) -> str:
    if action not in (*VERBS, *PRICED):
        return "Choose what to do with them."
    return "Tick at least one conversation, or choose all that match." if selection.is_empty else ""


def _lead_back(request: HttpRequest, selection: Selection, problem: str = "") -> HttpResponse:
    if problem:
        messages.error(request, problem)
    return redirect(reverse("conversations") + (f"?{selection.query}" if selection.query else ""))


def _find_changeable(person: User, action: str) -> ConversationQuerySet:
    """The newest versions with which this person may do it."""
    decides = action in DECIDES or action == ASSIGN
    rows = Conversation.objects.heads()
    return rows.reviewable_by(person) if decides else rows.editable_by(person)


def _act(
    selection: Selection, action: str, rows: ConversationQuerySet, *, form: BulkForm, by: User
) -> BulkResult | BackgroundJob | None:
    """The job where they are too many for a request. None when the form has to be corrected first. Raises CountChanged."""
    if not form.is_valid() or form.cleaned_data["count"] is None:
        return None
    said = form.cleaned_data
    if action in ASKS_WHY and not form.says_why():
        form.add_error(None, "Say why: choose a reason or write a note.")
        return None
    try:
        if action == ASSIGN:
            return _assign(rows, said, form=form, by=by)
        about = {"by": by, "note": said["note"].strip()}
        reasons = [ReasonCode(each) for each in said["reasons"]] if action in ASKS_WHY else []
        if selection.everything:
            return decide_about_matching(rows, said["count"], BulkAction(action), reasons=reasons, **about)
        if (count := rows.count()) != said["count"]:
            raise CountChanged(count)
        seen = selection.revisions
        return decide_chosen(rows, seen, BulkAction(action), reasons=reasons, revisions=seen, **about)
    except (TooMany, SeveralWorkspaces) as wrong:
        form.add_error(None, str(wrong))
        return None


def _assign(
    rows: ConversationQuerySet, said: dict[str, Any], *, form: BulkForm, by: User
) -> BulkResult | None:
    people = {str(each.pk): each for each in list_reviewers(rows)}
    if said["assignee"] not in (NOBODY, *people):
        form.add_error("assignee", "Choose somebody who may review all of them.")
        return None
    return BulkResult(assign_many(rows, said["count"], to=people.get(said["assignee"]), by=by), [])


def _describe(done: BulkResult, action: str) -> str:
    """What was done, and why some were left as they were."""
    words = f"{_count(done.changed)} {'is' if done.changed == 1 else 'are'} {VERBS[action].done}."
    reasons = Counter(each.error for each in done.skipped)
    for error, count in reasons.most_common(MOST_REASONS_TOLD):
        words += f" {count:,} left as {'it is' if count == 1 else 'they are'}: {error}"
    return words


def _count(number: int) -> str:
    return f"{number:,} conversation{'' if number == 1 else 's'}"


def _ask(
    request: HttpRequest,
    selection: Selection,
    action: str,
    rows: ConversationQuerySet,
    *,
    form: BulkForm,
    status: int = 200,
) -> HttpResponse:
    """The question: how many, in which states, and what follows."""
    states = {each["status"]: each["n"] for each in rows.order_by().values("status").annotate(n=Count("pk"))}
    total = sum(states.values())
    most = MOST_AT_ONCE if action == ASSIGN else MOST_IN_JOB
    possible = POSSIBLE[BulkAction(action)][0] if action != ASSIGN else Status
    context = {
        "form": form,
        "selection": selection,
        "action": action,
        "verb": VERBS[action],
        "total": total,
        "states": [(name, states[name]) for name in Status.values if name in states],
        "unchanged": sum(count for name, count in states.items() if name not in possible),
        "leaving": states.get(Status.APPROVED, 0) if action in LEAVE_DATASET else 0,
        "most": most if total > most else 0,
        "asks_why": action in ASKS_WHY,
        "reasons": ReasonCode.choices,
        "assigns": action == ASSIGN,
        "people": list_reviewers(rows) if action == ASSIGN else [],
        "nobody": NOBODY,
    }
    return render(request, "review/bulk.html", context, status=status)
