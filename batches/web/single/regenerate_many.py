"""Make many conversations anew: those of a filter of the list, or chosen ones. The cost and what is lost stand before the start."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from batches.actions.jobs import by_idempotency_key
from batches.actions.regenerate import count_approved
from batches.actions.regenerate import regenerate_many as start_many
from batches.models.month_so_far import limit_by_month, this_month
from batches.models.states import ErrorHandling
from batches.planning.estimate.estimate import CANNOT_PRICE, Estimate, estimate_now
from batches.planning.plan import LARGEST_PLAN, PlanError, PlannedItem
from batches.planning.sources.regenerated import plan_again
from batches.web.fields import ConcurrencyField, KeyField, make_budget_field, normalize_line_ends
from batches.web.form_problems import add_problems
from batches.web.posted import read_key
from conversations.bulk import CannotFindAll
from conversations.models import Conversation
from conversations.regeneration import LONGEST_INSTRUCTION
from conversations.web.forms import SORTS, FilterForm, read_filter
from lib.row_problems import RowProblem
from workspaces.people import get_person

MOST_CHOSEN = 1_000  # ids


class ManyForm(forms.Form):
    """What is to be different, and how the batch runs. `count` and `approved` are the numbers that the page showed."""

    instruction = forms.CharField(
        label="What should be different?", required=False, max_length=LONGEST_INSTRUCTION
    )
    concurrency = ConcurrencyField()
    error_handling = forms.ChoiceField(label="When an item fails", choices=ErrorHandling.choices)
    budget = make_budget_field(required=False)
    name = forms.CharField(label="Name", required=False, max_length=200)
    count = forms.IntegerField(required=False)
    approved = forms.IntegerField(required=False)
    idempotency_key = KeyField()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which conversations are meant: those of a query string of the list, or with `ids` these."""

    query: str
    ids: tuple[UUID, ...]

    @classmethod
    def of(cls, request: HttpRequest) -> "Selection":
        if request.method == "POST":
            return cls(query=read_filter(request.POST.get("filter", "")), ids=_read_ids(request.POST))
        given = request.GET.copy()
        ids = _read_ids(given)
        given.pop("id", None)
        given.pop("page", None)
        return cls(query=read_filter(given.urlencode()), ids=ids)

    def find(self, request: HttpRequest, *, with_template: bool = True) -> list[Conversation]:
        """Current versions with a text, in workspaces where this person may spend money; one more than fits.

        `with_template`: only those that were made from one. Raises CannotFindAll, see `FilterForm.find_all`.
        """
        form = FilterForm(QueryDict(self.query))
        mine = Conversation.objects.editable_by(request.user)
        rows = form.narrow(mine).filter(pk__in=self.ids) if self.ids else form.find_all(mine)
        usable = rows.order_by(*SORTS[form.order]).filter(turn_count__gt=0)
        if with_template:
            usable = usable.filter(template_version__isnull=False)
        heavy = ("quality_metrics", "flags", "search", "error_message", "reviewer_notes")
        return list(usable.defer(*heavy)[: LARGEST_PLAN + 1])


def _read_ids(given: QueryDict) -> tuple[UUID, ...]:
    """What is no id is left out. Raises BadRequest where none is left, because without ids all of a filter are meant."""
    found, texts = [], given.getlist("id")
    if len(texts) > MOST_CHOSEN:
        raise BadRequest(f"At most {MOST_CHOSEN:,} conversations can be chosen one by one.")
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    if texts and not found:
        raise BadRequest("No conversation has such an id.")
    return tuple(found)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def regenerate_many(request: HttpRequest) -> HttpResponse:
    """The question with its price. POST `start` starts the batch if the numbers are still those which the page showed."""
    if request.method == "POST" and (job := by_idempotency_key(get_person(request), read_key(request))):
        return redirect("batch", job.pk)
    selection = Selection.of(request)
    try:
        found = selection.find(request)
    except CannotFindAll as wrong:
        return lead_back(request, selection, wrong)
    if request.method != "POST":
        return ask(request, selection, found, form=ManyForm(suggest_settings()))
    form = ManyForm(request.POST)
    if request.POST.get("action") != "start" or not form.is_valid():
        return ask(request, selection, found, form=form, status=200 if form.is_valid() else 422)
    chosen = form.cleaned_data
    if (chosen["count"], chosen["approved"]) != (len(found), count_approved(found)):
        words = "The selection has changed since the page was opened. Look at the numbers, then press Start again."
        form.add_error(None, words)
        return ask(request, selection, found, form=form, status=409)
    try:
        job = start_many(
            plan_many(found, form),
            by=get_person(request),
            name=chosen["name"],
            concurrency=chosen["concurrency"],
            error_handling=ErrorHandling(chosen["error_handling"]),
            budget_usd=chosen["budget"],
            key=read_key(request),
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return ask(request, selection, found, form=form, status=422)
    return redirect("batch", job.pk)


def lead_back(request: HttpRequest, selection: Selection, wrong: CannotFindAll) -> HttpResponse:
    """To the list, with what is wrong."""
    messages.error(request, str(wrong))
    return redirect(f"{reverse('conversations')}?{selection.query}")


def plan_many(found: list[Conversation], form: ManyForm) -> list[PlannedItem]:
    """Raises PlanError for none, for more than fit into a batch, and for what cannot be made anew."""
    if not found:
        raise PlanError([RowProblem(None, "", "No conversation with a text and a template is chosen.")])
    if len(found) > LARGEST_PLAN:
        words = f"More than {LARGEST_PLAN:,} match, which do not fit into one batch. Narrow the filter."
        raise PlanError([RowProblem(None, "", words)])
    return plan_again(found, instruction=normalize_line_ends(form.cleaned_data.get("instruction") or ""))


def suggest_settings() -> dict[str, Any]:
    return {
        "concurrency": settings.ENVIRONMENT.max_concurrency,
        "error_handling": ErrorHandling.CONTINUE,
        "idempotency_key": str(uuid4()),
    }


def ask(
    request: HttpRequest,
    selection: Selection,
    found: list[Conversation],
    *,
    form: ManyForm,
    status: int = 200,
) -> HttpResponse:
    form.is_valid()
    priced: Estimate | None = None
    budget = form.cleaned_data.get("budget")
    concurrency = form.cleaned_data.get("concurrency") or settings.ENVIRONMENT.max_concurrency
    try:
        priced = estimate_now(plan_many(found, form), concurrency=concurrency, budget_usd=budget)
    except CANNOT_PRICE as wrong:
        if not form.errors:
            add_problems(form, wrong)
    month = this_month(found[0].workspace if found else get_person(request).working_workspace())
    offered = priced.default_budget if priced else None
    context = {
        "form": form,
        "selection": selection,
        "count": len(found),
        "approved": count_approved(found),
        "estimate": priced,
        "month": month,
        "max_concurrency": settings.ENVIRONMENT.max_concurrency,
        "offered_budget": offered,
        "spend_up_to": limit_by_month(budget or offered, month),
        "handling": ErrorHandling.choices,
    }
    return render(request, "batches/regenerate_many.html", context, status=status)
