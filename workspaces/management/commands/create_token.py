"""`./run manage create_token USER`: makes an API token and prints it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workspaces.actions import create_token
from workspaces.models import User


class Command(BaseCommand):
    help = "Make an API token for a user and print it once; only its hash is stored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="The user's name, for example: owner")
        parser.add_argument("--name", default="command line", help="What the token is for.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(create_token(get_user(options["user"]), name=options["name"]))


def get_user(name: str) -> User:
    """The user with this name. Raises CommandError with the known names."""
    user = User.objects.filter(username=name).first()
    if user is None:
        names = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
        raise CommandError(f"No user is called {name!r}. There are: {names or 'none yet'}.")
    return user
