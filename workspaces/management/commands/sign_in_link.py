"""`./run manage sign_in_link [USER]`: prints a one-time link that signs a person in."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from workspaces.actions import create_sign_in_link
from workspaces.management.commands.create_token import get_user
from workspaces.models import User


class Command(BaseCommand):
    help = "Print a link that signs a user in. It works once, within 15 minutes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", nargs="?", default="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        path = make_sign_in_path(get_user(options["user"]))
        self.stdout.write(f"http://{settings.ENVIRONMENT.host}:{settings.ENVIRONMENT.port}{path}")


def make_sign_in_path(user: User) -> str:
    """The path of a new one-time link, such as `/sign-in/TOKEN/`."""
    # The addresses of this room stand at the root of the site. To load those of all rooms would take as long as the rest.
    return reverse("sign_in_link", urlconf="workspaces.web.urls", args=[create_sign_in_link(user)])
