"""`./run manage delete_person NAME`: what the person does on the page, for the operator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lorapipe.deletion.actions import delete_person
from workspaces.actions import Refused
from workspaces.models import User


class Command(BaseCommand):
    help = "Delete an account for good, with the personal workspace. --yes, or it only says what would go."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name by which the person signs in")
        parser.add_argument("--yes", action="store_true", help="do it")

    def handle(self, *args: Any, **options: Any) -> None:
        found = User.objects.filter(username=options["name"]).first()
        if found is None:
            raise CommandError(f"Nobody has the name {options['name']}.")
        if not options["yes"]:
            self.stdout.write(f"This would delete the account {found.username} for good. Add --yes to do it.")
            return
        try:
            delete_person(found, by=None)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"The account {options['name']} is deleted. A worker removes its content.")
