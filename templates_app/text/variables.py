"""The variables of a template: their definitions, and the check of a value against its definition. Pure Python."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, Self, TypeAlias, get_args

from lib.same_text import find_match
from templates_app.text.names import MAX_NAME, NAME

VariableType: TypeAlias = Literal["text", "number", "dropdown", "list"]

TYPES: frozenset[str] = frozenset(get_args(VariableType))
MOST_PROBLEMS = 20  # of one definition or value
MOST_OPTIONS = MOST_ENTRIES = 1_000  # of a variable, and of a list
MOST_OPTIONS_SHOWN, LONGEST_OPTION_SHOWN = 50, 60
MAX_VALUE = 100_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)
_ENTRY_BREAK = re.compile(r"[\n\r|]+")


@dataclass(frozen=True)
class Problem:
    """A problem of one variable or value. The `message` says what is wrong and what to do."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class ProblemsError(ValueError):
    """Carries every problem that was found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ValuesError(ProblemsError):
    """The values do not fit the template's variables."""


class VariableError(ProblemsError):
    """The definition of a variable contradicts itself."""


@dataclass(frozen=True)
class Variable:
    """A variable of a template. `max_length` counts characters; numbers have bounds, dropdowns and lists have options.

    Raises VariableError with all problems if the definition contradicts itself.
    """

    name: str
    type: VariableType = "text"
    _: KW_ONLY
    required: bool = True
    default: Any = None
    help: str = ""
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = MAX_VALUE

    def __post_init__(self) -> None:
        problems = [Problem(str(self.name), message) for message in _find_definition_problems(self)]
        if problems:
            raise VariableError(problems)

    @classmethod
    def from_dict(cls, definition: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote. Raises VariableError for a missing name and for an unknown key."""
        known = {field.name for field in fields(cls)}
        name = str(definition.get("name", "(variable without a name)"))
        unknown = [key for key in definition if key not in known]
        problems = [
            Problem(name, f"unknown key '{key}'; known are {', '.join(sorted(known))}")
            for key in unknown[:MOST_PROBLEMS]
        ]
        if len(unknown) > MOST_PROBLEMS:
            problems.append(Problem(name, f"{len(unknown) - MOST_PROBLEMS:,} more keys are unknown"))
        if "name" not in definition:
            problems.append(Problem(name, "needs a name"))
        if problems:
            raise VariableError(problems)
        given = dict(definition)
        options = given.get("options", ())
        given["options"] = tuple(options) if isinstance(options, list) else options
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON, without the settings that equal their defaults."""
        written: dict[str, Any] = {"name": self.name, "type": self.type, "required": self.required}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in written and value != field.default:
                written[field.name] = list(value) if isinstance(value, tuple) else value
        return written


def is_blank(value: object) -> bool:
    """Whether a default replaces the value: None, white space or an empty list. The number 0 is a value."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple) and not value)


def split_entries(value: object) -> list[str]:
    """The entries of a list value. A text is split at line ends and `|`."""
    if isinstance(value, list | tuple):
        return [str(entry) for entry in value]
    return [entry for entry in _ENTRY_BREAK.split(str(value)) if entry.strip()]


def find_option(variable: Variable, text: str) -> str:
    """The option that a text means: outer spaces, case and the composition of accents do not count.

    The text itself for a variable without options, and for a text that means none of them.
    """
    return find_match(text, variable.options) or text


def find_value_problems(variable: Variable, value: object) -> list[str]:
    """Every reason why the value cannot fill the variable."""
    shape = _TYPE_CHECKS[variable.type](value)
    if shape:
        return [shape]
    texts = split_entries(value) if variable.type == "list" else [str(value)]
    if len(texts) > MOST_ENTRIES:
        return [f"has {len(texts):,} entries; at most {MOST_ENTRIES:,} are allowed"]
    found = [find_forbidden_character(text) for text in texts] + [_check_length(variable, texts)]
    found += _VALUE_CHECKS[variable.type](variable, texts)
    return list(dict.fromkeys(message for message in found if message))


def _check_text(value: object) -> str:
    return "" if isinstance(value, str) else f"must be text, not {describe_value(value)}; put it in quotes"


def _check_number(value: object) -> str:
    given = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    if given and _NUMBER.fullmatch(str(value)):
        return ""
    return f"must be a number, not {describe_value(value)}; write digits only, such as 1200 or 4.5"


def _check_list(value: object) -> str:
    if isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)
    ):
        return ""
    return f"must be a list of texts, not {describe_value(value)}; give a list, or one entry per line"


def describe_value(value: object) -> str:
    """The value in words for a message: the quoted text, `a number`, `a list`, ..."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        tuple: "a list",
        dict: "an object",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def find_forbidden_character(text: str) -> str:
    """A message about the first character that no value may contain; empty when there is none."""
    match = _FORBIDDEN.search(text)
    if match is None:
        return ""
    code = ord(match.group())
    kind = "half of a surrogate pair" if code >= 0xD800 else "a NUL" if code == 0 else "a control character"
    return f"contains {kind} (U+{code:04X}) at character {match.start() + 1}; remove it"


def _check_length(variable: Variable, texts: Sequence[str]) -> str:
    length = len(", ".join(texts))
    if length <= variable.max_length:
        return ""
    return f"has {length:,} characters; at most {variable.max_length:,} are allowed, so shorten it"


def _check_bounds(variable: Variable, texts: Sequence[str]) -> list[str]:
    number = Decimal(texts[0].strip())
    # Decimal(str(0.1)) is exactly 0.1; Decimal(0.1) is a little more, and would refuse the text "0.1".
    low, high = (
        None if bound is None else Decimal(str(bound)) for bound in (variable.minimum, variable.maximum)
    )
    found = [f"must be at least {variable.minimum}; raise it"] if low is not None and number < low else []
    return found + (
        [f"must be at most {variable.maximum}; lower it"] if high is not None and number > high else []
    )


def _check_options(variable: Variable, texts: Sequence[str]) -> list[str]:
    wrong = (text for text in texts if variable.options and find_match(text, variable.options) is None)
    found = list(islice(wrong, MOST_PROBLEMS))
    allowed = _list_options(variable.options) if found else ""
    return [f"{describe_value(text)} is not one of its options; choose from: {allowed}" for text in found]


def _list_options(options: Sequence[str]) -> str:
    """The first options, long ones shortened, and how many more there are."""
    shown = [_shorten(option) for option in options[:MOST_OPTIONS_SHOWN]]
    more = len(options) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _shorten(option: str) -> str:
    return option if len(option) <= LONGEST_OPTION_SHOWN else f"{option[: LONGEST_OPTION_SHOWN - 1]}…"


def _accept_any(_variable: Variable, _texts: Sequence[str]) -> list[str]:
    return []


_TYPE_CHECKS: dict[str, Callable[[object], str]] = {
    "text": _check_text,
    "number": _check_number,
    "dropdown": _check_text,
    "list": _check_list,
}
_VALUE_CHECKS: dict[str, Callable[[Variable, Sequence[str]], list[str]]] = {
    "text": _accept_any,
    "number": _check_bounds,
    "dropdown": _check_options,
    "list": _check_options,
}


def _find_definition_problems(variable: Variable) -> list[str]:
    found = _find_naming_problems(variable) + _find_option_problems(variable) + _find_bound_problems(variable)
    if not found and not is_blank(variable.default):
        found += [f"default {message}" for message in find_value_problems(variable, variable.default)]
    return found


def _find_naming_problems(variable: Variable) -> list[str]:
    name: object = variable.name
    checks = [
        (
            isinstance(name, str) and NAME.fullmatch(name),
            f"a name has letters, digits and _ only, at most {MAX_NAME}",
        ),
        (
            isinstance(variable.type, str) and variable.type in TYPES,
            f"type must be one of {', '.join(sorted(TYPES))}, not {variable.type!r}",
        ),
        (isinstance(variable.required, bool), "required must be true or false"),
        (isinstance(variable.help, str), "help must be text"),
    ]
    return [message for fine, message in checks if not fine]


def _find_option_problems(variable: Variable) -> list[str]:
    options: object = variable.options
    if not isinstance(options, tuple) or not all(
        isinstance(option, str) and option.strip() for option in options
    ):
        return ["options must be a list of texts that are not empty"]
    checks = [
        (len(options) <= MOST_OPTIONS, f"has {len(options):,} options; at most {MOST_OPTIONS:,} are allowed"),
        (len(set(options)) == len(options), "options must differ from each other"),
        (
            not options or variable.type in ("dropdown", "list"),
            "options are for the types dropdown and list only",
        ),
    ]
    return [message for fine, message in checks if not fine]


def _find_bound_problems(variable: Variable) -> list[str]:
    bounds = [bound for bound in (variable.minimum, variable.maximum) if bound is not None]
    if not all(_is_number(bound) for bound in bounds):
        return ["minimum and maximum must be numbers"]
    checks = [
        (not bounds or variable.type == "number", "minimum and maximum are for the type number only"),
        (len(bounds) < 2 or bounds[0] <= bounds[1], "minimum must not exceed maximum"),
        (
            type(variable.max_length) is int and variable.max_length > 0,
            "max_length must be a whole number above 0",
        ),
    ]
    return [message for fine, message in checks if not fine]


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and _NUMBER.fullmatch(str(value)) is not None
    )
