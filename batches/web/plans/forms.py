"""The forms of a plan: how it is to run, and the values of one of its items."""

from typing import Any

from django import forms

from batches.models import BatchItem
from batches.models.jobs import LONGEST_NAME
from batches.models.states import ErrorHandling, Priority
from batches.planning.sources.listed import names_of
from batches.web.fields import (
    ConcurrencyField,
    DetailsField,
    make_budget_field,
    make_input,
    make_text_area,
    normalize_line_ends,
)
from batches.web.jobs.forms import JUDGE_LABEL
from conversations.details import format_details
from templates_app.states import LONGEST_TOPIC
from templates_app.text.rendering import ValuesError, resolve


class RunForm(forms.Form):
    """How the plan is to run."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME)
    concurrency = ConcurrencyField()
    error_handling = forms.ChoiceField(label="When an item fails", choices=ErrorHandling.choices)
    priority = forms.TypedChoiceField(
        label="Priority", choices=Priority.choices, coerce=lambda value: Priority(int(value))
    )
    budget = make_budget_field(required=False)
    judge = forms.BooleanField(label=JUDGE_LABEL, required=False)


class ItemForm(forms.Form):
    """The topic, the variables of the template, and the details of one item. `columns` is what an edit stores."""

    details = DetailsField(
        label="Details",
        required=False,
        widget=make_text_area(6),
        help_text="One detail a line: a name, a colon and a text. They are added below the prompt.",
    )

    def __init__(self, *args: Any, item: BatchItem, **kwargs: Any) -> None:
        self.item = item
        self.variables = item.made_from.typed_variables()
        super().__init__(*args, **kwargs)
        first = {}
        if "topic" not in names_of(item.made_from):
            first["topic"] = forms.CharField(label="topic", max_length=LONGEST_TOPIC, widget=make_input())
        for variable in self.variables:
            first[f"value-{variable.name}"] = forms.CharField(
                label=variable.name,
                required=False,
                strip=False,
                widget=make_text_area(1),
                help_text=variable.help,
            )
        self.fields = {**first, **self.fields}
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"hint-{name}"

    @classmethod
    def fill_from(cls, item: BatchItem) -> dict[str, Any]:
        """What the form shows of an item."""
        values = {
            f"value-{name}": "\n".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in item.parameters.items()
        }
        return {**values, "topic": item.topic, "details": format_details(item.details)}

    def clean(self) -> dict[str, Any]:
        """Check every value against its variable. A value that is left empty is not stored, so that the default counts."""
        chosen = super().clean() or self.cleaned_data
        values = {
            each.name: normalize_line_ends(chosen.get(f"value-{each.name}", "")) for each in self.variables
        }
        try:
            resolve(self.variables, values)
        except ValuesError as wrong:
            for problem in wrong.problems:
                place = f"value-{problem.name}"
                self.add_error(place if place in self.fields else None, problem.message)
        topic = chosen.get("topic", values.get("topic", ""))
        if len(topic) > LONGEST_TOPIC:
            self.add_error("value-topic", f"has {len(topic)} characters; at most {LONGEST_TOPIC} are kept.")
        before, given = self.fill_from(self.item), self.data.get("details", "")
        unchanged = normalize_line_ends(given) == before["details"]
        self.columns = {
            "topic": topic,
            "parameters": {
                name: self.item.parameters[name] if before.get(f"value-{name}") == value else value
                for name, value in values.items()
                if value.strip()
            },
            "details": self.item.details if unchanged else chosen.get("details", {}),
        }
        return chosen
