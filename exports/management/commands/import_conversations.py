"""`./run manage import_conversations FILE`: conversations from a file into the review queue."""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exports.importing.choices import Choices
from exports.importing.reading.records import LARGEST_FILE
from exports.importing.running import start_import
from exports.importing.uploading import upload_file
from lib.row_problems import RowsError
from lib.tables.limits import read_bounded
from templates_app.states import Tier
from workspaces.models import User


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Import conversations from a file (messages or ShareGPT as JSON Lines or JSON, CSV, a workbook) into the personal "
        "workspace of a user. A background job stores them; they wait for review."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The file.")
        parser.add_argument("--user", default="owner", help="Whose workspace. Default: owner")
        parser.add_argument(
            "--tier", default=Tier.TEMPLATE.value, choices=Tier.values, help="Where the file has none."
        )
        parser.add_argument("--persona", default="", type=_read_persona, help="Where the file has none.")
        parser.add_argument("--sheet", default="", help="Of a workbook: its name or number.")
        parser.add_argument(
            "--as-versions",
            action="store_true",
            help="What has the id of a conversation here becomes its new version.",
        )
        parser.add_argument("--again", action="store_true", help="Import what is there already once more.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be imported, and store nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        by = User.objects.filter(username=options["user"]).first()
        if by is None:
            raise CommandError(f"No user is called {options['user']!r}.")
        choices = Choices(
            tier=options["tier"],
            persona=options["persona"],
            as_versions=options["as_versions"],
            again=options["again"],
        )
        try:
            content = read_bounded(options["file"], LARGEST_FILE)
            file = upload_file(
                content,
                name=options["file"].name,
                workspace=by.personal_workspace(),
                by=by,
                choices=choices,
                sheet=options["sheet"],
            )
        except OSError as wrong:
            raise CommandError(f"{options['file']}: {wrong.strerror}.") from wrong
        except RowsError as wrong:
            raise CommandError(f"{options['file']}: {wrong}") from wrong
        self._tell(file.report)
        if options["dry_run"]:
            file.delete()
        elif file.report["read"]:
            job = start_import(file, choices, by=by)
            self.stdout.write(
                f"The background job {job.pk} stores them. Follow it at {job.get_absolute_url()}"
            )

    def _tell(self, report: dict[str, Any]) -> None:
        found = report["outcomes"]
        self.stdout.write(
            f"Understood as {report['form'] or 'nothing'}: {report['read']:,} read, {report['refused']:,} refused; "
            f"{found['new']:,} new, {found['there']:,} already there, {found['changed']:,} with the id of another text."
        )
        for word in ("repairs", "problems"):
            for each in report[word]:
                self.stdout.write(
                    f"  row {each['rows']}: {each['message']}" if each["rows"] else f"  {each['message']}"
                )
        for note in report["notes"]:
            self.stdout.write(f"  {note}")


def _read_persona(text: str) -> str:
    if len(text) > 200:
        raise ArgumentTypeError("A persona has at most 200 characters.")
    return text
