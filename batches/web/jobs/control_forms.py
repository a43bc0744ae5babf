"""The forms of a batch's controls: other settings, a retry, a copy."""

from django import forms

from batches.models import BatchJob
from batches.models.jobs import LONGEST_NAME
from batches.models.states import Priority
from batches.web.fields import ConcurrencyField, KeyField, make_budget_field
from lib.amounts import format_amount


class ChangeForm(forms.Form):
    """The settings of a batch that can be changed until it has ended."""

    concurrency = ConcurrencyField()
    priority = forms.TypedChoiceField(
        choices=[(each.value, each.label.capitalize()) for each in Priority], coerce=int
    )
    budget = make_budget_field()

    @classmethod
    def for_job(cls, job: BatchJob) -> "ChangeForm":
        now = {"concurrency": job.concurrent_processing, "priority": job.priority}
        return cls({**now, "budget": format_amount(job.budget_usd)})


class RetryForm(forms.Form):
    """Which failed items are tried again, and how far the budget is raised for them."""

    kind = forms.CharField(required=False, max_length=30)
    budget = make_budget_field()
    idempotency_key = KeyField()


class ResumeForm(forms.Form):
    """How far the budget is raised before the batch goes on. Empty: it stays."""

    budget = make_budget_field(required=False)


class CopyForm(forms.Form):
    """How a copy is run. Without a budget it gets the default budget of its estimate."""

    name = forms.CharField(label="Name", required=False, max_length=LONGEST_NAME)
    concurrency = ConcurrencyField()
    budget = make_budget_field(required=False)
    idempotency_key = KeyField()
