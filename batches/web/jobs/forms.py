"""The form of "Generate all": what to generate and how to run it."""

from decimal import Decimal, InvalidOperation
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
    "whole",
    "concurrency",
    "error_handling",
    "budget",
    "judge",
    "name",
)  # what a link to the page may carry
JUDGE_LABEL = "Let Claude judge what comes back"
LONGEST_AMOUNT = 40  # characters
TOO_MUCH = 10**8  # USD; the fields of budgets have twelve digits, four of them behind the point
PLAN_CHOICES = ("tier", "limit", "seed")  # those that decide which items the plan has


def read_amount(text: Any) -> Decimal | None:
    """An amount as a browser sends it back; None for what is no amount, or more than a budget can be."""
    try:
        found = Decimal(str(text)[:LONGEST_AMOUNT].strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found < TOO_MUCH else None


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
    judge = forms.BooleanField(label=JUDGE_LABEL, required=False)
    name = forms.CharField(label="Name", required=False, max_length=LONGEST_NAME)
    whole = forms.BooleanField(label="Show the whole plan", required=False)
    idempotency_key = KeyField()

    def __init__(self, given: QueryDict, *, idempotency_key: str) -> None:
        values = given.copy()
        if given.get("action") is None and "tier" not in given:
            values.setlist("tier", Tier.values)
        values.setdefault("concurrency", str(settings.ENVIRONMENT.max_concurrency))
        values.setdefault("error_handling", ErrorHandling.CONTINUE)
        values.setdefault("idempotency_key", idempotency_key)
        self.offered = read_amount(given.get("offered_budget"))
        self.offered_judge = read_amount(given.get("offered_judge"))
        if self.offered is not None and read_amount(values.get("budget")) == self.offered:
            values.pop("budget")  # Nobody has changed the offered budget, and another plan offers another.
        super().__init__(values)

    def agree_on_budget(self, default: Decimal) -> Decimal | None:
        """The budget of the batch: what the person typed, else what the button showed. None if that is not enough.

        `default` is the default budget of the plan as it was sent. When the plan was changed after the button was shown,
        a lower amount is what the person wants, and a higher one is nothing that anybody has agreed to.
        """
        typed: Decimal | None = self.cleaned_data.get("budget")
        if typed is not None or self.offered is None:
            return typed or default
        return self._agree(default, self.offered)

    def agree_on_judge(self, default: Decimal) -> Decimal | None:
        """The same for what the judge may spend. None also where the page has not shown it yet."""
        return None if self.offered_judge is None else self._agree(default, self.offered_judge)

    def _agree(self, default: Decimal, offered: Decimal) -> Decimal | None:
        if self.data.get("offered_for") == self.describe_plan():
            return offered
        return default if default <= offered else None

    def describe_plan(self) -> str:
        """Which items the plan has, as a query string; the page sends back the one that its amount is for."""
        query = QueryDict(mutable=True)
        for name in PLAN_CHOICES:
            query.setlist(name, sorted(filter(None, self.data.getlist(name))))  # type: ignore[attr-defined]
        return query.urlencode()

    def get_choice(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)

    def build_query(self) -> str:
        """The query string that shows this plan again. It is in each row's link, so it carries nothing that cannot be used."""
        query = QueryDict(mutable=True)
        for name in CHOICES:
            if name in self.errors:
                continue
            given: list[str] = self.data.getlist(name)  # type: ignore[attr-defined]
            query.setlist(name, [value for value in given if value and len(value) <= LONGEST_NAME])
        return query.urlencode()
