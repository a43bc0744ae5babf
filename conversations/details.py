"""Details: named lines that an item adds to its prompt, in addition to the template's own values. Pure Python.

They hold the description of a chosen option, what diversity draws, and a person's own keys and values. They follow the
rendered text, so that the part that a batch shares comes first and can be cached.
"""

import re
from collections.abc import Mapping

from templates_app.text.variables import Problem, ProblemsError, Variable, find_value_problems

MOST, LONGEST_NAME, LONGEST_TEXT = 30, 60, 5_000
NAME = re.compile(r"[^\W_](?:[\w .,/'()-]{0,58}[\w.)])?")
NAME_RULE = f"a name has 1 to {LONGEST_NAME} letters, digits, spaces and -_.,/'(), and begins with a letter or a digit"
HEADING = "Details of this conversation. Follow them; do not quote them."
# These names come first, in this order. The others follow in alphabetical order.
FIRST = (
    *("persona", "emotion", "topic", "intent", "tone"),
    *("setting", "register", "length", "opening", "obstacle"),
)


class DetailsError(ProblemsError):
    """A person's own details cannot be used. Holds every problem."""


def append_details(prompt: str, details: Mapping[str, str]) -> str:
    """The prompt, followed by a line for each detail that is not blank. The same details give the same bytes."""
    lines = [f"- {name}: {details[name]}" for name in sort_names(details) if details[name].strip()]
    return "\n".join([prompt.rstrip("\n"), "", HEADING, *lines]) + "\n" if lines else prompt


def sort_names(details: Mapping[str, str]) -> list[str]:
    """The names as people see them: the known ones first."""
    known = [name for name in FIRST if name in details]
    return known + sorted(details.keys() - set(FIRST))


# --- what people write -----------------------------------------------------------------------------------


def parse_details(text: str) -> dict[str, str]:
    """`name: text`, one a line, blank lines left out. Raises DetailsError with every line that is not so.

    Each problem is named by its line (`line 2`) or, when the line can be read, by the name of its detail.
    """
    found: dict[str, str] = {}
    problems = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MOST:
        raise DetailsError([_make_count_problem(len(lines))])
    for number, line in lines:
        name, colon, said = (part.strip() for part in line.partition(":"))
        if not (colon and name and said):
            problems.append(Problem(f"line {number}", "write it as name: text, as in setting: on a train"))
        elif name in found:
            problems.append(Problem(f"line {number}", f"{name!r} is there twice; keep one"))
        else:
            found[name] = said
    if problems := problems + find_detail_problems(found):
        raise DetailsError(problems)
    return found


def _make_count_problem(count: int) -> Problem:
    return Problem("details", f"has {count:,} entries; at most {MOST} are allowed")


def format_details(details: Mapping[str, str]) -> str:
    """The text that `parse_details` reads back. Line breaks inside a detail become spaces."""
    return "\n".join(f"{name}: {' '.join(details[name].split())}" for name in sort_names(details))


def find_detail_problems(details: Mapping[str, str]) -> list[Problem]:
    """The problems that keep these details from being stored: too many, too long, or not allowed in a name or a text."""
    if len(details) > MOST:
        return [_make_count_problem(len(details))]
    return [
        Problem(name[:LONGEST_NAME], message)
        for name, text in details.items()
        for message in _find_problems(name, text)
    ]


def _find_problems(name: str, text: str) -> list[str]:
    name_problems = [] if NAME.fullmatch(name) else [NAME_RULE]
    return name_problems + find_value_problems(Variable("detail", max_length=LONGEST_TEXT), text)
