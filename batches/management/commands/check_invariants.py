"""`./run manage check_invariants [--json]`: check the rules of docs/execution.md section 8 over all batches."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from batches.engine.invariants import RULES, Violation, find_orphans, one_snapshot, violations

BROKEN = 1


class Command(BaseCommand):
    help = "Check the rules that must always hold, over all batches. Names each row that breaks a rule, and exits 1 if there is one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_snapshot():
            broken, orphans = violations(), find_orphans()
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(broken, orphans), indent=1))
        else:
            self._say(broken, orphans)
        if broken:
            sys.exit(BROKEN)

    def _say(self, broken: Sequence[Violation], orphans: Sequence[Violation]) -> None:
        for violation in broken:
            self.stdout.write(str(violation))
        for row in orphans:
            self.stdout.write(f"Without parent: {row.says}: {row.table} {row.row}: {row.found}")
        names = sorted({rule.name for rule in RULES}, key=lambda name: int(name[1:]))
        held = f"All {len(names)} rules hold ({', '.join(names)})."
        self.stdout.write(f"{len(broken)} violations." if broken else held)


def _as_json(broken: Sequence[Violation], orphans: Sequence[Violation]) -> dict[str, Any]:
    return {
        "holds": not broken,
        "violations": [asdict(each) for each in broken],
        "without_parents": [asdict(each) for each in orphans],
    }
