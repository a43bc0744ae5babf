"""`./run manage create_token USER`: makes an API token and prints it once."""

import argparse
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workspaces.actions import TOKEN_DAYS, Refused, create_token
from workspaces.models import Membership, User, Workspace
from workspaces.states import Scope
from workspaces.tokens.scopes import MEANINGS

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Make an API token for a user and print it once; only its hash is stored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="The user's name, for example: owner")
        parser.add_argument("--name", default="command line", help="What the token is for.")
        words = "; ".join(f"{scope.value}: {MEANINGS[scope]}" for scope in Scope)
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.RUN.value, help=f"{words}. Default: run."
        )
        parser.add_argument(
            "--days",
            type=read_days,
            default=TOKEN_DAYS,
            help=f"For how many days it works, or never for one that does not expire. Default: {TOKEN_DAYS}.",
        )
        parser.add_argument(
            "--workspace",
            type=UUID,
            help="The id of the one workspace that it opens. Default: all of the user.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user(options["user"])
        given = {"name": options["name"][:100], "scope": Scope(options["scope"]), "days": options["days"]}
        try:
            text = create_token(user, workspace=find_workspace_of(user, options["workspace"]), **given)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(text)


def read_days(text: str) -> int | None:
    """A number of days; None for `never`. Raises ArgumentTypeError for anything else."""
    if text.strip().lower() == "never":
        return None
    if text.strip().isascii() and text.strip().isdigit() and 1 <= int(text) <= MOST_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number of days from 1 to {MOST_DAYS}, or never")


def find_workspace_of(user: User, key: UUID | None) -> Workspace | None:
    """The workspace of this key. Raises CommandError with those of the user if it is none of them."""
    if key is None:
        return None
    mine = Membership.objects.of(user).select_related("workspace").order_by("workspace__name")
    for each in mine:
        if each.workspace_id == key:
            return each.workspace
    known = ", ".join(f"{each.workspace_id} ({each.workspace.name})" for each in mine[:20])
    raise CommandError(f"{user.get_username()} is in no workspace {key}. There are: {known or 'none'}.")


def get_user(name: str) -> User:
    """The user with this name. Raises CommandError with the known names."""
    user = User.objects.filter(username=name).first()
    if user is None:
        names = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
        raise CommandError(f"No user is called {name!r}. There are: {names or 'none yet'}.")
    return user
