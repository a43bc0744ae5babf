"""Django's `migrate` without the checks of the code: they load the addresses of all pages, a second of CPU for nothing."""

from django.core.management.base import CommandParser
from django.core.management.commands import migrate


class Command(migrate.Command):
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--skip-checks", action="store_true", help="Accepted; no checks are run anyway.")
