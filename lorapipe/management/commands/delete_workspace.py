"""`./run manage delete_workspace ID`: what its owner does on the page, for the operator. The worker then removes the content."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lorapipe.deletion.actions import delete_workspace
from workspaces.actions import Refused
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Delete a workspace for good: its content goes, what was paid stays. --yes, or it only says what would go."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="the id of the workspace, as the admin shows it")
        parser.add_argument("--yes", action="store_true", help="do it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = Workspace.objects.get(pk=options["id"])
        except (Workspace.DoesNotExist, ValidationError) as missing:
            raise CommandError(f"There is no workspace with the id {options['id']}.") from missing
        if not options["yes"]:
            self.stdout.write(f"This would delete “{found.name}” for good. Add --yes to do it.")
            return
        try:
            delete_workspace(found, by=None)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"“{found.name}” is deleted. A worker removes its content.")
