"""The page that shows what became of the conversations that were asked for, and what an approved one costs."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from batches.reports.yields import YieldReport
from templates_app.prompts.access import find_visible_template
from workspaces.people import get_person

REPLIES = {"real": False, "simulated": True}


@require_safe
@login_required
def show_yield(request: HttpRequest) -> HttpResponse:
    """The yield by template version, tier and model. `?which=real|simulated` and `?template=<id>` choose what is counted."""
    user, which = get_person(request), request.GET.get("which", "")
    template = find_visible_template(user, key) if (key := _read_template(request)) else None
    if which not in REPLIES:
        which = "simulated" if settings.DEMO else "real"
    report = YieldReport(user, simulated=REPLIES[which], template=template.pk if template else None)
    context = {
        "which": which,
        "choices": list(REPLIES),
        "template": template,
        "total": report.total,
        "by_template": report.by_template(),
        "groups": [("Tier", "by-tier", report.by_tier()), ("Model", "by-model", report.by_model())],
    }
    return render(request, "batches/yield.html", context)


def _read_template(request: HttpRequest) -> UUID | None:
    """The template that is asked for. What is no id is answered as one that is not there."""
    given = request.GET.get("template", "")
    try:
        return UUID(given) if given else None
    except ValueError as exc:
        raise Http404 from exc
