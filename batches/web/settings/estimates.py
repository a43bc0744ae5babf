"""The page that compares estimates with what batches really cost."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from batches.reports.calibration import (
    JobAccuracy,
    draw_chart,
    format_share,
    list_finished,
    summarize,
    summarize_by_model,
)
from workspaces.people import get_person

SORTS = {"real": False, "simulated": True}


@require_safe
@login_required
def show_estimates(request: HttpRequest) -> HttpResponse:
    """Finished batches beside their estimates. `?which=real|simulated` and `?model=` choose among them."""
    user, model = get_person(request), request.GET.get("model", "")
    which = request.GET.get("which", "")
    every = {name: list_finished(user, simulated=simulated) for name, simulated in SORTS.items()}
    if which not in SORTS:
        which = "real" if every["real"] else "simulated"
    judged = [each for each in every[which] if model in ("", each.job.model)]
    context = {
        "which": which,
        "model": model,
        "sorts": [(name, len(found)) for name, found in every.items()],
        "models": sorted({each.job.model for each in every[which]}),
        "any": any(every.values()),
        "judged": [build_row(each) for each in judged],
        "chart": draw_chart(judged) if judged else None,
        "all": summarize(judged),
        "with_history": summarize(each for each in judged if each.accuracy.history),
        "by_model": summarize_by_model(judged),
    }
    return render(request, "batches/estimates.html", context)


def build_row(each: JobAccuracy) -> dict[str, Any]:
    return {
        "job": each.job,
        "accuracy": each.accuracy,
        "cost_error": format_share(each.accuracy.cost_error),
        "time_error": format_share(each.accuracy.time_error),
    }
