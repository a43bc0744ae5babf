"""`./run manage setup_roles`: row level security on a PostgreSQL of your own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from lorapipe.isolation import policies
from stack.postgres import WEB, WORKER
from stack.postgres.roles import GRANTS

MAKE = "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"


class Command(BaseCommand):
    help = (
        "Make the roles lorapipe_web and lorapipe_worker where they are missing, and the policies by which each request sees "
        "only the rows of its workspaces. Run it as the owner of the tables. Safe to repeat; `prepare` keeps the policies."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_user, to_regprocedure('lorapipe_was_called(text[], timestamptz)') IS NULL"
            )
            owner, is_missing = cursor.fetchone()
        if is_missing:
            raise CommandError(
                "This database has not been migrated to this version: run `prepare` first, or start ./run once."
            )
        made = [role for role in (WEB, WORKER) if make_role(role)]
        grants = sql.SQL(GRANTS).format(owner=sql.Identifier(owner)).as_string(connection.connection)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(grants)
            policies.set_up()  # which takes from them what goes too far
        self.stdout.write(
            f"Row level security is set up: {len(policies.list_isolated())} tables have policies."
        )
        for role in made:
            self.stdout.write(f"The role {role} has no password yet. In psql: \\password {role}")


def make_role(role: str) -> bool:
    """False when it is there. Raises CommandError where this role may not make it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone():
            return False
        command = sql.SQL(MAKE).format(sql.Identifier(role)).as_string(connection.connection)
        try:
            with transaction.atomic():
                cursor.execute(command)
        except ProgrammingError as refused:
            raise CommandError(f"This role may not make others. Let a superuser run: {command};") from refused
    return True
