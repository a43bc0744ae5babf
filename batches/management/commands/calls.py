"""`./run manage calls stop|allow|show`: the switch for all calls to the provider."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from batches.actions.call_stops import allow_calls, stop_calls
from batches.models import CallStop


class Command(BaseCommand):
    help = "Stop all calls to the provider within two seconds, or allow them again. Calls in flight are finished."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=("stop", "allow", "show"))
        parser.add_argument("--reason", default="", help="For those who wonder why nothing moves.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "stop":
            stop_calls(reason=options["reason"][:200], by=None)
        elif options["verb"] == "allow":
            allow_calls(by=None)
        stop = CallStop.find_open()
        since = f" since {stop.created_at:%Y-%m-%d %H:%M:%S} UTC" if stop else ""
        self.stdout.write(f"All calls are stopped{since}." if stop else "Calls are allowed.")
