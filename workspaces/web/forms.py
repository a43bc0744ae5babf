"""The form to sign in, the form for the statement of use, and what every field for a secret checks.

The forms about members, tokens and the password are in `workspaces.web.account_forms`.
"""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.core.validators import RegexValidator
from django.http import HttpRequest

from workspaces.models import User
from workspaces.states import Authorisation
from workspaces.tries import counted_password

ONE_WORD = RegexValidator(
    r"\A[!-~]+\Z", "copy it again, without spaces or line breaks."
)  # of keys and tokens


class SignInForm(forms.Form):
    """Name or e-mail address, and password. The error never tells which of the two was wrong.

    Checking it raises TooManyTries after too many wrong passwords of this account.
    """

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
        username = find_username(values["name"])
        with counted_password(self.request, username) as tried:
            found = authenticate(self.request, username=username, password=values["password"])
            tried.right = isinstance(found, User)
        if not isinstance(found, User):
            raise forms.ValidationError("The name or the password is wrong.")
        self.user = found
        return values


def find_username(name: str) -> str:
    """The username for an e-mail address, if exactly one user has it. An address of several users signs nobody in."""
    if "@" in name and not User.objects.filter(username=name).exists():
        names = list(User.objects.filter(email__iexact=name).values_list("username", flat=True)[:2])
        return names[0] if len(names) == 1 else name
    return name


class UseForm(forms.Form):
    """What the conversations are for, and on what ground this is allowed."""

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
