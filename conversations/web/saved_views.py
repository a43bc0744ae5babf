"""Saved views: what a person has filtered the list for, under a name."""

from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from conversations.models import SavedView
from conversations.models.saved_views import LONGEST_NAME, TooManyViews
from conversations.web.forms import FilterForm, read_filter
from workspaces.people import get_person


class SaveForm(forms.Form):
    """A name for the filter that came along with it."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        error_messages={"required": "give the view a name, such as “Refusals to check”."},
    )
    filter = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_filter(self) -> str:
        """The filter as it is kept. One that says nothing would be a second link to the whole list."""
        kept = write_view_query(self.cleaned_data["filter"])
        if not kept:
            raise forms.ValidationError("filter or order the list first, then give that a name.")
        return kept


class ViewLink(NamedTuple):
    """A view above the table. `is_open`: the list shows just this."""

    view: SavedView
    is_open: bool


def write_view_query(text: str) -> str:
    """The filters and the order in a query string, always written alike: no page, no panel, nothing that the list does not know.

    Raises BadRequest for a long one, see `read_filter`.
    """
    query = QueryDict(read_filter(text))
    pairs = [
        (name, value) for name in FilterForm.base_fields for value in query.getlist(name) if value.strip()
    ]
    return read_filter(urlencode(pairs))


def list_view_links(request: HttpRequest) -> list[ViewLink]:
    """The views of the person who asks, with the open one marked. One query."""
    try:
        shown = write_view_query(request.GET.urlencode())
    except BadRequest:  # the list itself takes a long address, and no view has one
        shown = ""
    views = SavedView.objects.of(get_person(request))
    return [ViewLink(view, view.query == shown) for view in views]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def list_or_save_views(request: HttpRequest) -> HttpResponse:
    """GET lists a person's views, to delete them. POST saves the filter under the name, in place of an older one of that name."""
    by = get_person(request)
    form = SaveForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            kept = SavedView.objects.keep(
                by, name=form.cleaned_data["name"], query=form.cleaned_data["filter"]
            )
        except TooManyViews as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"The view “{kept.name}” is saved.")
            return HttpResponseRedirect(f"{reverse('conversations')}?{kept.query}")
    context: dict[str, Any] = {"form": form, "views": describe_views(SavedView.objects.of(by))}
    return render(request, "conversations/saved_views.html", context, status=422 if form.errors else 200)


def describe_views(views: Any) -> list[tuple[SavedView, list[str]]]:
    """Each view with its filters in words, as the chips of the list say them."""
    return [
        (view, [chip.words for chip in FilterForm(QueryDict(view.query)).chips() if chip.words])
        for view in views
    ]


@require_POST
@login_required
def delete_view(request: HttpRequest, view_id: UUID) -> HttpResponse:
    """A view of somebody else is answered like one that is not there."""
    found = SavedView.objects.filter(user=get_person(request), pk=view_id).first()
    if found is None:
        raise Http404
    found.delete()
    messages.success(request, f"The view “{found.name}” is deleted.")
    return redirect("conversations_views")
