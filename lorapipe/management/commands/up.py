"""`manage.py up`: the whole stack, as `./run` starts it."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from stack import environment
from stack.supervisor import Supervisor


class Command(BaseCommand):
    help = "PostgreSQL, Valkey, web, dispatcher and workers (and the simulator in demo mode) under one supervisor"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(Supervisor(environment.read(os.environ), kind="up").run())
