"""The quality of a batch: a part of its page that is loaded after it, and a page of its own without script."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from batches.reports.quality import SAMPLE, measure_quality
from batches.web.access import find_visible_job
from lib.htmx import is_htmx


@require_safe
@login_required
def show_quality(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = find_visible_job(request, job_id)
    part = "#quality" if is_htmx(request) else ""
    context = {"job": job, "quality": measure_quality(job), "sample": SAMPLE}
    return render(request, f"batches/quality.html{part}", context)
