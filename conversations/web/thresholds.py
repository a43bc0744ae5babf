"""The settings page of the scores that route a new conversation."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from background.models import BackgroundJob
from conversations.jobs.rescore import list_scorable, start_rescore
from conversations.thresholds import Thresholds, change_thresholds, count_marks, count_moves
from lib.count_changed import CountChanged
from workspaces.chosen import choose_changeable_workspace, choose_editable_workspace, choose_workspace
from workspaces.models import Workspace
from workspaces.people import get_person

WRONG = {"invalid": "give a score, such as 6 or 6.5.", "required": "give a score from 0 to 10."}


def make_score_field(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_value=Decimal(10),
        max_digits=3,
        decimal_places=1,
        error_messages=WRONG,
    )


class ThresholdsForm(forms.Form):
    """`count` is the number of conversations that the person has agreed to move."""

    revision_below = make_score_field("Needs revision below")
    review_below = make_score_field("Needs review below")
    count = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        low, high = values.get("revision_below"), values.get("review_below")
        if low is not None and high is not None and low > high:
            self.add_error("revision_below", "it cannot be above the score for review.")
        return values

    def read(self) -> Thresholds:
        return Thresholds(self.cleaned_data["revision_below"], self.cleaned_data["review_below"])


def describe_change(moves: int, job: BackgroundJob | None) -> str:
    """What a saved change does, for the toast."""
    if job is None:
        return "The thresholds are saved. No conversation moves."
    if not moves:
        return "The thresholds are saved. Approved conversations that fall below them are being marked."
    plural = " is" if moves == 1 else "s are"
    return f"The thresholds are saved. {moves:,} conversation{plural} being moved."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_thresholds(request: HttpRequest) -> HttpResponse:
    """The thresholds, which an owner can change. How many conversations would move is asked first."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    workspace, moves = chosen.workspace, None
    form = ThresholdsForm(request.POST or Thresholds.of(workspace.pk)._asdict())
    if request.method == "POST" and form.is_valid():
        moves = count_moves(workspace, form.read())
        if moves in (0, form.cleaned_data["count"]):
            try:
                job = change_thresholds(
                    workspace=workspace, wanted=form.read(), by=get_person(request), count=moves
                )
            except CountChanged as changed:
                moves = changed.count
            else:
                messages.success(request, describe_change(moves, job))
                return redirect(job) if job else redirect_to_settings(workspace)
    context = {
        "form": form,
        "chosen": chosen,
        "moves": moves,
        "marks": count_marks(workspace, form.read()) if moves else 0,
        "scorable": list_scorable(workspace.pk).count(),
    }
    return render(request, "conversations/thresholds.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def rescore(request: HttpRequest) -> HttpResponse:
    """Score all conversations of the workspace again, in the background."""
    chosen = choose_editable_workspace(request)
    return redirect(start_rescore(workspace=chosen.workspace, by=get_person(request)))


def redirect_to_settings(workspace: Workspace) -> HttpResponse:
    return redirect(f"{reverse('settings_quality')}?workspace={workspace.pk}")
