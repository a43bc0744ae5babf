"""The settings page of the judge's rubric. An edit makes a new version; judgements keep the one they were made by."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.judging.rubric import RubricError, change_rubric, find_rubric
from conversations.models.judgements import LONGEST_CRITERION
from conversations.states import JudgedDimension
from lib.stale_state import StaleRevision
from workspaces.chosen import choose_changeable_workspace, choose_workspace
from workspaces.people import get_person


class RubricForm(forms.Form):
    """One text for each dimension. `version` is the one that the page showed."""

    version = forms.IntegerField(min_value=1, max_value=2**31 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in JudgedDimension.choices:
            self.fields[name] = forms.CharField(label=label, required=False, max_length=LONGEST_CRITERION)

    @property
    def criteria_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in JudgedDimension.values]

    def read(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in JudgedDimension.values}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_rubric(request: HttpRequest) -> HttpResponse:
    """The newest rubric, which an owner can change."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    newest = find_rubric(chosen.workspace)
    if request.method != "POST":
        form = RubricForm({**newest.criteria, "version": newest.version})
        return render(
            request, "conversations/rubric.html", {"form": form, "chosen": chosen, "rubric": newest}
        )
    form, status = RubricForm(request.POST), 422
    if form.is_valid():
        try:
            made = change_rubric(
                workspace=chosen.workspace,
                criteria=form.read(),
                by=get_person(request),
                version=form.cleaned_data["version"],
            )
        except RubricError as wrong:
            for name, problem in wrong.problems.items():
                form.add_error(name, problem)
        except StaleRevision as stale:
            form.add_error(None, str(stale))
            status = 409
        else:
            messages.success(request, f"Version {made.version} of the rubric is in force.")
            return redirect(f"{reverse('settings_judge')}?workspace={chosen.workspace.pk}")
    context = {"form": form, "chosen": chosen, "rubric": newest}
    return render(request, "conversations/rubric.html", context, status=status)
