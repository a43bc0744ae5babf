"""The forms to enter a provider key."""

from typing import Any

from django import forms

from workspaces.web.forms import ONE_WORD


def make_key_field() -> forms.CharField:
    return forms.CharField(
        label="New key",
        max_length=500,
        validators=[ONE_WORD],
        error_messages={"required": "paste the key that the provider has given you."},
    )


class OwnKeyForm(forms.Form):
    """A key for one workspace alone."""

    own_key = make_key_field()


class KeyForm(forms.Form):
    """A key, and the name of the one that it replaces."""

    name = forms.ChoiceField(
        label="Key", required=False, error_messages={"invalid_choice": "choose one of the list."}
    )
    api_key = make_key_field()

    def __init__(self, given: Any = None, *, names: list[str]) -> None:
        super().__init__(given)
        choices = [(name, name or "The installation’s key") for name in names]
        self.fields["name"].choices = choices  # type: ignore[attr-defined]
