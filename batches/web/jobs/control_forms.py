"""The forms of a batch's controls: other settings, a retry, a copy."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from batches.models import BatchJob
from batches.models.states import Priority


class ConcurrencyField(forms.IntegerField):
    """1 to the ceiling that is in force."""

    def __init__(self, **options: Any) -> None:
        super().__init__(label="Concurrency", min_value=1, **options)

    def clean(self, value: Any) -> Any:
        found, ceiling = super().clean(value), settings.ENVIRONMENT.max_concurrency
        if found is not None and found > ceiling:
            raise forms.ValidationError(f"at most {ceiling} at once (LORAPIPE_MAX_CONCURRENCY).")
        return found


def make_budget_field(**options: Any) -> forms.DecimalField:
    least = Decimal("0.01")
    return forms.DecimalField(
        label="Stop at cost", min_value=least, max_digits=12, decimal_places=4, **options
    )


class ChangeForm(forms.Form):
    """What can be changed of a batch that has not ended."""

    concurrency = ConcurrencyField()
    priority = forms.TypedChoiceField(
        choices=[(each.value, each.label.capitalize()) for each in Priority], coerce=int
    )
    budget = make_budget_field()

    @classmethod
    def of(cls, job: BatchJob) -> "ChangeForm":
        now = {"concurrency": job.concurrent_processing, "priority": job.priority}
        return cls({**now, "budget": f"{job.budget_usd.normalize():f}"})


class RetryForm(forms.Form):
    """Which failed items, and how far the budget is raised for them."""

    kind = forms.CharField(required=False, max_length=30)
    budget = make_budget_field()
    idempotency_key = forms.CharField(required=False, max_length=200)


class CopyForm(forms.Form):
    """How a copy is run; without a budget it has the default of its estimate."""

    name = forms.CharField(label="Name", required=False, max_length=200)
    concurrency = ConcurrencyField()
    budget = make_budget_field(required=False)
    idempotency_key = forms.CharField(required=False, max_length=200)
