"""The fields and widgets that several forms of batches share."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from conversations.details import DetailsError, parse_details
from workspaces.models import LONGEST_KEY


def normalize_line_ends(text: str) -> str:
    """Browsers send line ends as CR LF; prompts and stored values have LF."""
    return text.replace("\r\n", "\n")


def make_text_area(rows: int, **attributes: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "textarea", "rows": rows, "dir": "auto", **attributes})


def make_input(kind: type[forms.Widget] = forms.TextInput, **attributes: Any) -> Any:
    return kind(attrs={"class": "input", **attributes})


def make_budget_field(**options: Any) -> forms.DecimalField:
    """The amount at which a batch stops: a cent at the least."""
    least = Decimal("0.01")
    return forms.DecimalField(
        label="Stop at cost", min_value=least, max_digits=12, decimal_places=4, **options
    )


class KeyField(forms.CharField):
    """The idempotency key of a form, by which pressing its button twice is pressing it once. `batches.web.posted` reads it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=LONGEST_KEY, **options)


class ConcurrencyField(forms.IntegerField):
    """How many calls a batch may have in flight: 1 to the ceiling of the settings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(label="Concurrency", min_value=1, **options)

    def clean(self, value: Any) -> Any:
        found, ceiling = super().clean(value), settings.ENVIRONMENT.max_concurrency
        if found is not None and found > ceiling:
            raise forms.ValidationError(f"at most {ceiling} at once (LORAPIPE_MAX_CONCURRENCY).")
        return found


class DetailsField(forms.CharField):
    """Details as people write them, one a line; its value is a dict."""

    def clean(self, value: Any) -> Any:
        try:
            return parse_details(normalize_line_ends(super().clean(value)))
        except DetailsError as wrong:
            raise forms.ValidationError([str(problem) for problem in wrong.problems]) from wrong
