"""Prometheus' text format (version 0.0.4): families of samples with a name, a kind, a help text and labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Number = int | float | Decimal


@dataclass(frozen=True)
class Family:
    """`kind` is gauge or counter. `samples` are pairs of labels and a value; every value has the same names of labels."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], Number]] = field(default_factory=list)


def render_families(families: Iterable[Family]) -> str:
    """The families as lines. A family without samples still says that it is there."""
    return "".join(f"{line}\n" for family in families for line in _list_lines(family))


def _list_lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {_escape(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        yield f"{family.name}{_format_labels(labels)} {_format_number(value)}"


def _format_labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escape(value, quoted=True)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}"


def _escape(text: str, *, quoted: bool = False) -> str:
    r"""A backslash and a line break begin with a backslash, in a label a quotation mark too. Other breaks are no breaks there."""
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quoted else escaped


def _format_number(value: Number) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)
