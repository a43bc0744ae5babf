"""`./run manage sign_in_link [USER]`: prints a one-time link that signs a person in."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from workspaces.actions import create_sign_in_link
from workspaces.management.commands.create_token import get_user


class Command(BaseCommand):
    help = "Print a link that signs a user in. It works once, within 15 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", nargs="?", default="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        path = reverse("sign_in_link", args=[create_sign_in_link(get_user(options["user"]))])
        self.stdout.write(f"http://{settings.ENVIRONMENT.host}:{settings.ENVIRONMENT.port}{path}")
