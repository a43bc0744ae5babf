"""The settings page of a workspace's monthly budget."""

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.models import BatchJob
from batches.models.month_so_far import past_months, this_month
from batches.models.states import JobStatus, Reason
from workspaces.actions import change_month_budget
from workspaces.chosen import choose_changeable_workspace, choose_workspace
from workspaces.models import User


class MonthForm(forms.Form):
    budget = forms.DecimalField(
        label="Monthly budget",
        required=False,
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=2,
        error_messages={"invalid": "give an amount in US dollars, such as 50 or 12.50."},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_month_budget(request: HttpRequest) -> HttpResponse:
    """What this month has cost, and the budget of the month, which an owner can change."""
    chosen = choose_changeable_workspace(request) if request.method == "POST" else choose_workspace(request)
    form = MonthForm(request.POST or {"budget": chosen.workspace.monthly_budget_usd})
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        change_month_budget(
            workspace=chosen.workspace, budget_usd=form.cleaned_data["budget"], by=request.user
        )
        messages.success(request, "The monthly budget is saved.")
        return redirect(f"{reverse('settings_budget')}?workspace={chosen.workspace.pk}")
    waiting = BatchJob.objects.filter(
        workspace=chosen.workspace, status=JobStatus.PAUSED, reason=Reason.MONTH_BUDGET
    )
    context = {
        "form": form,
        "chosen": chosen,
        "month": this_month(chosen.workspace),
        "past": past_months(chosen.workspace),
        "waiting": list(waiting.newest_first()[:20]),
    }
    return render(request, "batches/budget.html", context, status=422 if form.errors else 200)
