"""The page `/styleguide/`. Nothing in it comes from the database but the menu around it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lorapipe.styleguide.examples import SECTIONS, build_examples


@require_safe
@login_required
def show_styleguide(request: HttpRequest) -> HttpResponse:
    """Every piece in each of its states, section by section."""
    return render(request, "styleguide/page.html", {"sections": SECTIONS, **build_examples()})
