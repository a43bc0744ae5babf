"""Details: named lines that an item adds to its prompt beside the template's own values. Pure Python.

The description of a chosen option, what diversity draws, and a person's own keys and values all travel this way.
They come after the rendered text, so that what a batch shares stays in front and can be cached.
"""

from collections.abc import Mapping

from templates_app.text.variables import Problem, ProblemsError, Variable, find_value_problems

HEADING = "Details of this conversation. Follow them; do not quote them."
# Those with a place of their own come first, in this order; the others follow by name.
FIRST = (
    *("persona", "emotion", "topic", "intent", "tone"),
    *("setting", "register", "length", "opening", "obstacle"),
)


class DetailsError(ProblemsError):
    """A person's own details cannot be used; carries every problem."""


def with_details(prompt: str, details: Mapping[str, str]) -> str:
    """The prompt and, below it, a line for each detail that says something; the same details, the same bytes."""
    lines = [f"- {name}: {details[name]}" for name in in_order(details) if details[name].strip()]
    return "\n".join([prompt.rstrip("\n"), "", HEADING, *lines]) + "\n" if lines else prompt


def in_order(details: Mapping[str, str]) -> list[str]:
    """The names as people see them: the known ones first."""
    known = [name for name in FIRST if name in details]
    return known + sorted(details.keys() - set(FIRST))


MOST, LONGEST_NAME, LONGEST_TEXT = 30, 64, 2000


def from_lines(text: str) -> dict[str, str]:
    """`name: text`, one a line, blank lines left out. Raises DetailsError with every line that is not so."""
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
    problems += details_problems(found)
    if problems:
        raise DetailsError(problems)
    return found


def as_lines(details: Mapping[str, str]) -> str:
    """The other way round: what `from_lines` reads. Line breaks inside a text become spaces."""
    return "\n".join(f"{name}: {' '.join(details[name].split())}" for name in in_order(details))


def details_problems(details: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong with a person's own details: too many, too long, unprintable names, control characters."""
    found = [
        Problem(name[:LONGEST_NAME], message)
        for name, text in details.items()
        for message in _wrong(name, text)
    ]
    if len(details) > MOST:
        found.append(Problem("details", f"has {len(details)} entries; at most {MOST} are allowed"))
    return found


def _wrong(name: str, text: str) -> list[str]:
    named = bool(name.strip()) and name.isprintable() and len(name) <= LONGEST_NAME and ":" not in name
    name_problems = [] if named else [f"a name has 1 to {LONGEST_NAME} printable characters and no colon"]
    return name_problems + find_value_problems(Variable("detail", max_length=LONGEST_TEXT), text)
