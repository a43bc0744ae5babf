"""What the form of a plan would make, while somebody fills it in: how many conversations, their price and time. Nothing is stored."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate, estimate_now
from batches.planning.plan import PlanError, PlannedItem
from batches.planning.recipe import plan_from
from batches.web.plans.wizard import build_form, find_version
from batches.web.plans.wizard_forms import FORMS, RecipeForm
from workspaces.models import User, Workspace
from workspaces.people import get_person

# Of a longer plan so many items, spread evenly, are priced, and the price is multiplied: it is asked for at each keystroke.
MOST_PRICED = 400


@require_POST
@login_required
def show_size(request: HttpRequest, kind: str) -> HttpResponse:
    """The part of the wizard's page with the number and the price. Of a form with mistakes it says the first one."""
    if kind not in FORMS or kind == "csv":
        raise Http404
    by = get_person(request)
    workspace = by.working_workspace()
    try:
        version = find_version(request, kind, {}, by=by)
    except PlanError as wrong:
        return render(request, "batches/plan_size.html", {"problem": str(wrong)})
    if kind == "matrix" and version is None:
        raise Http404
    workspace = version.workspace if version else workspace
    form = build_form(request, kind, workspace, {}, version=version, job=None)
    return render(request, "batches/plan_size.html", describe_size(form, workspace, by=by))


def describe_size(form: RecipeForm, workspace: Workspace, *, by: User) -> dict[str, Any]:
    """`count` and `estimate` of the plan, or `problem`."""
    recipe = form.build_recipe() if form.is_valid() else {}
    if not form.is_valid():
        return {"problem": find_first_problem(form)}
    try:
        plan = plan_from(recipe, workspace, by=by)
        priced = price_sample(plan)
    except PlanError as wrong:
        form.add_problems(wrong.problems[:1])
        return {"problem": find_first_problem(form)}
    except CANNOT_PRICE as wrong:
        return {"problem": str(wrong)}
    factor = len(plan) / max(1, priced.items)
    return {
        "count": len(plan),
        "estimate": priced,
        "is_sample": priced.items < len(plan),
        "cost": float(priced.cost) * factor,
        "cost_low": float(priced.cost_low) * factor,
        "cost_high": float(priced.cost_high) * factor,
        "seconds": priced.seconds * factor,
    }


def price_sample(plan: Sequence[PlannedItem]) -> Estimate:
    """The estimate of the plan, or of as many items of a long one as are priced. Raises one of `CANNOT_PRICE`."""
    step = max(1, -(-len(plan) // MOST_PRICED))
    return estimate_now(plan[::step])


def find_first_problem(form: RecipeForm) -> str:
    """The first error of the form, with the name of its field."""
    for name, errors in form.errors.items():
        label = str(form.fields[name].label or "").capitalize() if name in form.fields else ""
        return f"{label}: {errors[0]}" if label else str(errors[0])
    return ""
