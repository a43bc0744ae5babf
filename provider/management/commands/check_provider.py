"""`manage.py check_provider`: does the key work, is the model there, and what can the server do?"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from provider.account import UnknownKey
from provider.check import NoSimulator, check
from provider.models import Finding

SIGNS = {True: "yes", False: "NO ", None: "-  "}


class Command(BaseCommand):
    help = "Check the key and the model in use with the provider, and make one short call as a batch makes it. Exit code 0 means success."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--key", default="", help="The name of a workspace's key (default: the installation's own)."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            finding = check(key=options["key"])
        except (NoSimulator, UnknownKey) as wrong:
            raise CommandError(str(wrong)) from wrong
        if options["json"]:
            self.stdout.write(json.dumps({"works": finding.works, **finding.report}, ensure_ascii=False))
        else:
            self._tell(finding)
        sys.exit(0 if finding.works else 1)

    def _tell(self, finding: Finding) -> None:
        report = finding.report
        key = f", key {report['key']}" if report["key"] else ""
        self.stdout.write(f"{report['server']}{key}, model {report['model']}")
        for line in report["lines"]:
            self.stdout.write(f"  {SIGNS[line['good']]}  {line['name']}: {line['says']}")
        self.stdout.write(
            "Everything that a batch needs works." if finding.works else "No batch can be made like this."
        )
