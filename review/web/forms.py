"""The query string of the queue and what the forms of its pages send."""

from urllib.parse import urlencode

from django import forms

from conversations.models.decisions import LONGEST_NOTE
from conversations.queue import QueueOrder
from conversations.states import ReasonCode
from conversations.web.forms import FilterForm

HOW = ("order_by", "mine", "blind")  # how the queue is walked: no filters


class QueueForm(FilterForm):
    """The filters of the conversation list, and how to walk the queue."""

    order_by = forms.ChoiceField(required=False, choices=QueueOrder.choices)
    mine = forms.BooleanField(required=False)
    blind = forms.BooleanField(required=False)

    def active(self) -> list[str]:
        return [name for name in super().active() if name not in HOW]

    @property
    def orders(self) -> list[tuple[str, str]]:
        return list(QueueOrder.choices)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The filters that stay when the order is changed."""
        return [
            (name, value)
            for name in self.data
            if name in FilterForm.base_fields and name != "sort"
            for value in self.data.getlist(name)  # type: ignore[attr-defined]
        ]

    @property
    def query(self) -> str:
        """The queue as a query string: what a link or a form hands on."""
        pairs = [
            (name, value)
            for name in self.data
            if name in self.fields
            for value in self.data.getlist(name)  # type: ignore[attr-defined]
            if value
        ]
        return urlencode(pairs)

    @property
    def queue_order(self) -> QueueOrder:
        return QueueOrder(self.chosen("order_by") or QueueOrder.FLAGGED)

    @property
    def hides_score(self) -> bool:
        """Blind mode: the score and the flags are not shown before the decision, so that they do not lead it."""
        return bool(self.chosen("blind"))


class DecisionForm(forms.Form):
    action = forms.ChoiceField(choices=[(each, each) for each in ("approve", "reject", "needs_revision")])
    revision = forms.IntegerField(min_value=0, max_value=2_000_000_000)
    note = forms.CharField(required=False, max_length=LONGEST_NOTE)
    reasons = forms.MultipleChoiceField(required=False, choices=ReasonCode.choices)

    def says_why(self) -> bool:
        return bool(self.cleaned_data["note"].strip() or self.cleaned_data["reasons"])
