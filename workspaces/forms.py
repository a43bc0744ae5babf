"""The sign-in form, and the statement of use."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from workspaces.models import User
from workspaces.states import Authorisation


class SignInForm(forms.Form):
    """Name or mail address, and password. It never says which of the two was wrong."""

    name = forms.CharField(label="Name or e-mail", max_length=254)
    password = forms.CharField(label="Password", max_length=200, strip=False, widget=forms.PasswordInput)

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        found = authenticate(self.request, username=username_of(values["name"]), password=values["password"])
        if not isinstance(found, User):
            raise forms.ValidationError("Name and password do not fit together.")
        self.user = found
        return values


def username_of(name: str) -> str:
    """A mail address stands for the one user that has it; an address shared by several stands for nobody."""
    if "@" in name and not User.objects.filter(username=name).exists():
        names = list(User.objects.filter(email__iexact=name).values_list("username", flat=True)[:2])
        return names[0] if len(names) == 1 else name
    return name


class UseForm(forms.Form):
    """What the conversations are for, and on what ground."""

    purpose = forms.CharField(
        label="Intended use",
        max_length=4000,
        error_messages={"required": "say in a sentence what the trained model will do."},
    )
    authorisation = forms.ChoiceField(
        label="Ground",
        choices=Authorisation.choices,
        error_messages={"required": "choose one; “not decided yet” is an answer."},
    )
    reference = forms.CharField(label="Reference", max_length=500, required=False)
