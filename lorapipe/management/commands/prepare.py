"""`manage.py prepare`: prepares the database for this version. `./run` runs it before everything else."""

import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from batches.limits.pools import set_limits_from_settings
from lorapipe.static_files import collect_if_changed
from provider.shipping import ship
from templates_app.packs.installing import install_pack
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
        call_command("migrate", verbosity=0, interactive=False)
        owner = get_first_owner()
        for workspace in Workspace.objects.all():
            install_pack(workspace)
        ship()
        set_limits_from_settings()
        collected = collect_if_changed()
        path = make_sign_in_path(owner) if options["link"] else None
        answer = {"owner": owner.username, "sign_in_url_path": path, "collected": collected}
        self.stdout.write(json.dumps(answer))


def get_first_owner() -> User:
    """The user `owner`. It is made at the first start, with a personal workspace and without a usable password."""
    owner = User.objects.filter(username="owner").first()
    if owner is None:
        owner = User.objects.create_user("owner", is_staff=True, is_superuser=True)
    return owner
