"""`./run manage backup FILE`: writes the database and the files of exports into one archive, while everything runs."""

from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from exports.running.storing import get_storage
from lorapipe.backups import CannotBackUp
from lorapipe.backups.archive import back_up
from lorapipe.backups.database import Database


class Command(BaseCommand):
    help = "Write the database and the files of exports into one archive. LoRAPipe may run meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The archive to write, for example lorapipe.tar.")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"].absolute()
        try:
            made = back_up(Database.of(connection.settings_dict), get_storage(), target)
        except (CannotBackUp, psycopg.Error) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"{target}: {made.rows:,} rows of {made.tables} tables, {made.files} files of exports, LoRAPipe {made.version}."
        )
        for place in made.missing:
            self.stderr.write(f"Not in it, because the file is gone: {place}")
        self.stdout.write(
            "It holds no encryption key. Keep LORAPIPE_ENCRYPTION_KEYS, or the files encryption_key and secret_key of the data "
            "folder, in another place: without them stored keys, tokens and webhook secrets cannot be read."
        )
