"""Free names and texts that a person adds to the items of a plan. They follow the prompt as details. It asks no database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from batches.planning.plan import PlannedItem
from lib.row_problems import RowProblem
from templates_app.text.variables import Variable, find_value_problems

MOST = 30
LONGEST_TEXT = 5_000
NAME = re.compile(r"[^\W_](?:[\w .,/'()-]{0,58}[\w.)])?")


def parsed(text: str) -> tuple[dict[str, str], list[RowProblem]]:
    """The details of a text area, `name: text` a line, and what is wrong with which line."""
    found: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or not name or not value:
            problems.append(
                RowProblem(number, "details", "needs a name, a colon and a text, as in: setting: on a train")
            )
        elif name in found:
            problems.append(RowProblem(number, "details", f"{name!r} is there twice."))
        else:
            found[name] = value
    return found, problems or problems_of(found)


def lines_of(details: Mapping[str, str]) -> str:
    """What `parsed` reads back; a line break in a text becomes a space."""
    return "\n".join(f"{name}: {' '.join(text.split())}" for name, text in details.items())


def problems_of(details: Mapping[str, object]) -> list[RowProblem]:
    """Everything that keeps these details from being stored."""
    problems = []
    if len(details) > MOST:
        problems.append(RowProblem(None, "details", f"{len(details)} are too many; at most {MOST} are kept."))
    for name, text in details.items():
        if not NAME.fullmatch(name):
            problems.append(
                RowProblem(
                    None,
                    "details",
                    f"{name[:60]!r} is no name: 1 to 60 letters, digits, spaces and -_.,/'(), a letter first.",
                )
            )
        problems += [
            RowProblem(None, "details", f"{name[:60]}: {message}")
            for message in find_value_problems(Variable(name="text", max_length=LONGEST_TEXT), text)
        ]
    return problems


def with_details(items: Iterable[PlannedItem], details: Mapping[str, str]) -> Sequence[PlannedItem]:
    """Each item with these below its own: where both name one, the item's stands."""
    return [replace(item, details={**details, **item.details}) for item in items] if details else list(items)
