"""The form of "Generate all": what to generate and how to run it."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from batches.models.jobs import LONGEST_NAME
from batches.models.states import ErrorHandling
from batches.planning.plan import LARGEST_SEED, LEAST_SEED
from batches.web.fields import ConcurrencyField, KeyField, make_budget_field
from templates_app.states import Tier

CHOICES = (
    "tier",
    "limit",
    "seed",
    "concurrency",
    "error_handling",
    "budget",
    "name",
)  # what a link to the page may carry


class GenerateForm(forms.Form):
    """This form is always bound. What the request leaves out gets its default, so that a bare link shows the whole plan."""

    tier = forms.MultipleChoiceField(
        label="Tiers", choices=Tier.choices, error_messages={"required": "choose at least one."}
    )
    limit = forms.IntegerField(label="Conversations", required=False, min_value=1)
    seed = forms.IntegerField(label="Seed", required=False, min_value=LEAST_SEED, max_value=LARGEST_SEED)
    concurrency = ConcurrencyField()
    error_handling = forms.ChoiceField(label="When an item fails", choices=ErrorHandling.choices)
    budget = make_budget_field(required=False)
    name = forms.CharField(label="Name", required=False, max_length=LONGEST_NAME)
    idempotency_key = KeyField()

    def __init__(self, given: QueryDict, *, idempotency_key: str) -> None:
        values = given.copy()
        if given.get("action") is None and "tier" not in given:
            values.setlist("tier", Tier.values)
        values.setdefault("concurrency", str(settings.ENVIRONMENT.max_concurrency))
        values.setdefault("error_handling", ErrorHandling.CONTINUE)
        values.setdefault("idempotency_key", idempotency_key)
        if given.get("action") != "start" and values.get("budget") == values.get("offered_budget"):
            values.pop(
                "budget", None
            )  # Nobody has changed the offered budget, and a new plan offers another.
        super().__init__(values)

    def get_choice(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)

    def build_query(self) -> str:
        """The query string that shows this plan again."""
        query = QueryDict(mutable=True)
        for name in CHOICES:
            values = [value for value in self.data.getlist(name) if value]  # type: ignore[attr-defined]
            query.setlist(name, values)
        return query.urlencode()
