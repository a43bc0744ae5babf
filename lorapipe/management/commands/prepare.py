"""`manage.py prepare`: prepares the database for this version. `./run` runs it before everything else."""

import json
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.core.management.sql import emit_post_migrate_signal
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor

from batches.limits.pools import set_limits_from_settings
from lorapipe.isolation import policies
from lorapipe.static_files import collect_if_changed
from provider.shipping import ship
from templates_app.packs.installing import install_pack
from workspaces.audit_log.retention import remove_old_entries
from workspaces.management.commands.sign_in_link import make_sign_in_path
from workspaces.models import User, Workspace


class Command(BaseCommand):
    help = (
        "Migrate the database and set up the owner with a personal workspace, the starter pack, the model table, the "
        "rate limits and the static files. Safe to repeat."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--link",
            action="store_true",
            help="Print the path of a one-time sign-in link as JSON on the last line.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        migrate()
        policies.set_up()
        owner = get_first_owner()
        for workspace in Workspace.objects.all():
            install_pack(workspace)
        ship()
        set_limits_from_settings()
        remove_old_entries(days=settings.ENVIRONMENT.observing.audit_days)
        collected = collect_if_changed()
        path = make_sign_in_path(owner) if options["link"] else None
        answer = {"owner": owner.username, "sign_in_url_path": path, "collected": collected}
        self.stdout.write(json.dumps(answer))


def migrate() -> None:
    """Apply the migrations that are missing. Raises InconsistentMigrationHistory when one is missing before others that are there.

    With none missing, Django's command would still build the models of every migration, for a second of CPU. What it does
    after the migrations is done all the same: the permissions of the admin are there even after a start that was killed.
    """
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
    else:
        emit_post_migrate_signal(verbosity=0, interactive=False, db=DEFAULT_DB_ALIAS)


def get_first_owner() -> User:
    """The user `owner`. It is made at the first start, with a personal workspace and without a usable password."""
    owner = User.objects.filter(username="owner").first()
    if owner is None:
        owner = User.objects.create_user("owner", is_staff=True, is_superuser=True)
    return owner
