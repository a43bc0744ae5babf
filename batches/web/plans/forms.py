"""The forms of a plan: how it is to run, and the values of one of its items."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from batches.models import BatchItem
from batches.models.states import ErrorHandling, Priority
from batches.planning.sources import extra
from batches.planning.sources.listed import names_of
from batches.web.plans.wizard_forms import area, box, line_ends
from templates_app.text.rendering import ValuesError, resolve

LONGEST_TOPIC = 500


class RunForm(forms.Form):
    """How the plan is to run. What the request leaves out keeps what the draft has."""

    name = forms.CharField(label="Name", max_length=200)
    concurrency = forms.IntegerField(label="Concurrency", min_value=1)
    error_handling = forms.ChoiceField(label="When an item fails", choices=ErrorHandling.choices)
    priority = forms.TypedChoiceField(
        label="Priority", choices=Priority.choices, coerce=lambda value: Priority(int(value))
    )
    budget = forms.DecimalField(
        label="Stop at cost", required=False, min_value=Decimal("0.01"), max_digits=12, decimal_places=4
    )
    idempotency_key = forms.CharField(required=False, max_length=200)

    def clean_concurrency(self) -> int:
        value: int = self.cleaned_data["concurrency"]
        ceiling = settings.ENVIRONMENT.max_concurrency
        if value > ceiling:
            raise forms.ValidationError(f"at most {ceiling} at once (LORAPIPE_MAX_CONCURRENCY).")
        return value


class ItemForm(forms.Form):
    """Topic, the template's variables, and details; `columns` are what an edit stores."""

    details = forms.CharField(
        label="Details",
        required=False,
        widget=area(6),
        help_text="A name, a colon and a text a line. They follow the prompt.",
    )

    def __init__(self, *args: Any, item: BatchItem, **kwargs: Any) -> None:
        self.item = item
        self.variables = item.template_version.typed_variables()
        super().__init__(*args, **kwargs)
        first = {}
        if "topic" not in names_of(item.template_version):
            first["topic"] = forms.CharField(label="topic", max_length=LONGEST_TOPIC, widget=box())
        for variable in self.variables:
            first[f"value-{variable.name}"] = forms.CharField(
                label=variable.name,
                required=False,
                strip=False,
                widget=area(1),
                help_text=variable.help,
            )
        self.fields = {**first, **self.fields}
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"hint-{name}"

    @classmethod
    def typed(cls, item: BatchItem) -> dict[str, Any]:
        """What the form shows of an item."""
        values = {
            f"value-{name}": "\n".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in item.parameters.items()
        }
        return {**values, "topic": item.topic, "details": extra.lines_of(item.details)}

    def clean_details(self) -> dict[str, str]:
        found, problems = extra.parsed(line_ends(self.cleaned_data["details"]))
        if problems:
            raise forms.ValidationError(
                [f"line {each.row}: {each.message}" if each.row else each.message for each in problems]
            )
        return found

    def clean(self) -> dict[str, Any]:
        """Every value against its variable; what is left empty is not stored, so that the default counts."""
        chosen = super().clean() or self.cleaned_data
        values = {each.name: line_ends(chosen.get(f"value-{each.name}", "")) for each in self.variables}
        try:
            resolve(self.variables, values)
        except ValuesError as wrong:
            for problem in wrong.problems:
                place = f"value-{problem.name}"
                self.add_error(place if place in self.fields else None, problem.message)
        topic = chosen.get("topic", values.get("topic", ""))
        if len(topic) > LONGEST_TOPIC:
            self.add_error("value-topic", f"has {len(topic)} characters; at most {LONGEST_TOPIC} are kept.")
        before, given = self.typed(self.item), self.data.get("details", "")
        unchanged = line_ends(given) == before["details"]
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
