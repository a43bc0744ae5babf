"""The forms about members, workspaces, tokens and the password. Every error says what to do."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.http import HttpRequest

from workspaces.actions import TOKEN_DAYS
from workspaces.models import Membership, User, Workspace
from workspaces.states import Scope
from workspaces.tokens.scopes import MEANINGS
from workspaces.tries import counted_password

LONGEST_PASSWORD = 200  # characters, as in the form to sign in
DAYS = (("30", "30 days"), ("90", "90 days"), (str(TOKEN_DAYS), "One year"), ("", "Never"))
ROLES = (
    (Membership.Role.VIEWER, "Viewer: sees everything"),
    (Membership.Role.REVIEWER, "Reviewer: also decides about conversations and exports them"),
    (Membership.Role.EDITOR, "Editor: also changes templates and starts batches, which spend money"),
    (Membership.Role.OWNER, "Owner: also changes the settings and the members"),
)


class NameForm(forms.Form):
    """The name of a workspace, new or changed."""

    name = forms.CharField(
        label="Name", max_length=200, error_messages={"required": "give the workspace a name."}
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=ROLES, error_messages={"required": "choose a role."})

    def clean_role(self) -> Membership.Role:
        return Membership.Role(self.cleaned_data["role"])


class AddForm(RoleForm):
    """Somebody who has an account here."""

    name = forms.CharField(
        label="Name or e-mail",
        max_length=254,
        error_messages={"required": "write the exact name or e-mail address of the person."},
    )


class InviteForm(RoleForm):
    """Somebody who has none yet."""

    username = forms.CharField(
        label="Name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        error_messages={
            "required": "choose the name by which the person will sign in.",
            "invalid": "use letters, digits and @ . + - _ only, without spaces.",
        },
    )
    email = forms.EmailField(label="E-mail", max_length=254, required=False)


class TokenForm(forms.Form):
    """A new token. `workspaces` are those that it can be bound to."""

    name = forms.CharField(
        label="What it is for", max_length=100, error_messages={"required": "say what will use the token."}
    )
    scope = forms.ChoiceField(
        label="Scope",
        choices=[(scope.value, f"{scope.label}: {MEANINGS[scope]}") for scope in Scope],
        initial=Scope.RUN.value,
        error_messages={"required": "choose what the token may do."},
    )
    workspace = forms.ModelChoiceField(
        label="Workspace",
        queryset=Workspace.objects.none(),
        required=False,
        empty_label="All my workspaces",
        error_messages={"invalid_choice": "choose one of your workspaces."},
    )
    days = forms.ChoiceField(label="Works for", choices=DAYS, required=False, initial=str(TOKEN_DAYS))

    def __init__(self, *args: Any, workspaces: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["workspace"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = workspaces

    def clean_scope(self) -> Scope:
        return Scope(self.cleaned_data["scope"])

    def clean_days(self) -> int | None:
        return int(self.cleaned_data["days"]) if self.cleaned_data["days"] else None


class PasswordForm(forms.Form):
    """A new password. The present one is asked for where `asks_current` says so, and its tries are counted."""

    current = forms.CharField(
        label="Present password", max_length=LONGEST_PASSWORD, strip=False, required=False
    )
    new = forms.CharField(
        label="New password",
        max_length=LONGEST_PASSWORD,
        strip=False,
        error_messages={"required": "write a password of at least 12 characters."},
    )
    repeated = forms.CharField(
        label="New password again",
        max_length=LONGEST_PASSWORD,
        strip=False,
        error_messages={"required": "write the new password a second time."},
    )

    def __init__(
        self, request: HttpRequest, user: User, *args: Any, asks_current: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user, self.asks_current = request, user, asks_current

    def clean_new(self) -> str:
        text: str = self.cleaned_data["new"]
        validate_password(text, self.user)
        return text

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors and values["new"] != values["repeated"]:
            self.add_error("repeated", "it differs from the first one. Write both again.")
        if not self.errors and self.asks_current:
            self._check_current(values["current"])
        return values

    def _check_current(self, text: str) -> None:
        """Last, because it costs half a second, and a wrong one counts as a try."""
        with counted_password(self.request, self.user.get_username()) as tried:
            tried.right = self.user.check_password(text)
        if not tried.right:
            self.add_error(
                "current", "this is not your present password. A sign-in link also lets you set one."
            )
