"""Details: named lines that an item adds to its prompt, in addition to the template's own values. Pure Python.

They hold the description of a chosen option, what diversity draws, and a person's own keys and values. They follow the
rendered text, so that the part that a batch shares comes first and can be cached.
"""

from collections.abc import Mapping

from templates_app.text.variables import Problem, ProblemsError, Variable, find_value_problems

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
    """The names in the order that people see: the known ones first."""
    known = [name for name in FIRST if name in details]
    return known + sorted(details.keys() - set(FIRST))


MOST, LONGEST_NAME, LONGEST_TEXT = 30, 64, 2000


def parse_lines(text: str) -> dict[str, str]:
    """Read details from lines of the form `name: text`. Skips blank lines. Raises DetailsError with every bad line."""
    found: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, said = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not (colon and name and said):
            problems.append(Problem(f"line {number}", "write it as name: text"))
        elif name in found:
            problems.append(Problem(f"line {number}", f"{name} is there twice; keep one"))
        else:
            found[name] = said
    problems += find_problems(found)
    if problems:
        raise DetailsError(problems)
    return found


def format_lines(details: Mapping[str, str]) -> str:
    """The details as lines that `parse_lines` can read. Line breaks inside a text become spaces."""
    return "\n".join(f"{name}: {' '.join(details[name].split())}" for name in sort_names(details))


def find_problems(details: Mapping[str, str]) -> list[Problem]:
    """The problems of a person's own details: too many, too long, unprintable names, control characters."""
    found = [
        Problem(name[:LONGEST_NAME], message)
        for name, text in details.items()
        for message in _find_entry_problems(name, text)
    ]
    if len(details) > MOST:
        found.append(Problem("details", f"has {len(details)} entries; at most {MOST} are allowed"))
    return found


def _find_entry_problems(name: str, text: str) -> list[str]:
    named = bool(name.strip()) and name.isprintable() and len(name) <= LONGEST_NAME and ":" not in name
    name_problems = [] if named else [f"a name has 1 to {LONGEST_NAME} printable characters and no colon"]
    return name_problems + find_value_problems(Variable("detail", max_length=LONGEST_TEXT), text)
