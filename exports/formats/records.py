"""What a writer of a file takes: conversations and pairs of versions, as plain values. Pure: no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

# The keys of `metadata` that files for people (CSV, Markdown) show, in this order. Others are allowed and stand in JSON alone.
METADATA_KEYS = (
    *("title", "tier", "persona", "emotion", "topic", "intent", "tone", "tags", "language"),
    *("template", "template_version", "model", "version", "score", "status", "simulated", "group", "split"),
)
SPEAKERS = ("user", "assistant")


class ExportError(ValueError):
    """A conversation that no trainer could read back unchanged. The message names it, and says why."""


class MissingPackage(ExportError):
    """The format needs a package that is not installed. The message names it, and how to install it."""


class Turn(NamedTuple):
    """`role`: user or assistant. `train`: whether an assistant's turn is to be learned; of no meaning for a user's."""

    role: str
    content: str
    train: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation. `id`: what people call it. `system`: the training system prompt of its template; blank for none.

    `metadata`: plain JSON values; `METADATA_KEYS` lists the usual ones. `label`: for decisions alone (KTO), whether a person
    approved it (True) or rejected it (False).
    """

    id: str
    turns: tuple[Turn, ...]
    system: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    label: bool | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions of one conversation: `chosen`, which a person approved, and `rejected`, each with all its turns."""

    id: str
    chosen: tuple[Turn, ...]
    rejected: tuple[Turn, ...]
    system: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


Record = Example | Pair


def refuse(record: Record, reason: str) -> NoReturn:
    """Raise ExportError. `reason` completes the sentence "The conversation ... cannot be exported: "."""
    raise ExportError(f"The conversation {record.id} cannot be exported: {reason}.")
