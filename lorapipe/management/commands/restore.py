"""`./run manage restore FILE`: makes the database and the files of exports from an archive of `backup`."""

from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from exports.running.storing import get_storage
from lib.encryption import UnknownEncryptionKey, decrypt
from lorapipe.backups import CannotBackUp
from lorapipe.backups.archive import REPLACE, Outcome, restore_from
from lorapipe.backups.database import Database
from lorapipe.management.commands.encrypt_anew import WITH_SECRETS


class Command(BaseCommand):
    help = "Make the database and the files of exports from an archive of `backup`, in an empty data folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The archive.")
        parser.add_argument(
            REPLACE,
            action="store_true",
            dest="replace",
            help="Delete everything that is in this database first.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection.close()
        try:
            made = restore_from(
                options["file"].absolute(),
                Database.of(connection.settings_dict),
                get_storage(),
                replace=options["replace"],
            )
        except (CannotBackUp, psycopg.Error) as problem:
            raise CommandError(str(problem)) from problem
        self._tell(made)

    def _tell(self, made: Outcome) -> None:
        self.stdout.write(
            f"Restored: {made.rows:,} rows of {made.tables} tables, {made.files} files of exports."
        )
        if made.roles:
            self.stderr.write(
                f"Without the rights and row policies of {', '.join(made.roles)}: these roles do not exist here."
            )
        if unreadable := count_unreadable():
            self.stderr.write(
                f"{unreadable} stored secrets cannot be read here. Put the encryption_key of the old data folder into this one, "
                "or its LORAPIPE_ENCRYPTION_KEYS into the environment, before you start."
            )
        self.stdout.write(
            "Start LoRAPipe: it brings the database up to this version. Everybody signs in again."
        )


def count_unreadable() -> int:
    """How many stored secrets no key of this installation decrypts. The tables may be those of an older version."""
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        stored: list[str] = []
        for model in WITH_SECRETS:
            if (table := model._meta.db_table) in there:
                cursor.execute(f"SELECT encrypted_key FROM {table} WHERE encrypted_key <> ''")  # noqa: S608
                stored += [row[0] for row in cursor.fetchall()]
    return sum(not _is_readable(each) for each in stored)


def _is_readable(stored: str) -> bool:
    try:
        decrypt(stored)
    except UnknownEncryptionKey:
        return False
    return True
