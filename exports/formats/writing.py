"""What all formats have in common: the options of a file, its writer, and JSON that every reader takes."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from exports.formats.records import Example, Record, refuse
from exports.formats.repairs import repair_record

Row = dict[str, Any]
# Readers that split lines by Unicode's rules would break a line at these three.
LINE_BREAKS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}

# Compact, without NaN and Infinity, which are not JSON. Python's fast C encoder is used only without an indent.
_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


@dataclass(frozen=True, kw_only=True)
class FormatOptions:
    """`system`: whether the training system prompts are written; some models take none. `metadata`: whether each row also has
    an `id` and a `metadata` object, in formats of trainers. `train_flags`: the name of the flag at each message which says whether it is learned,
    one of the format's `train_flags`; None for no flag.
    """

    system: bool = True
    metadata: bool = False
    train_flags: str | None = None


class Writer(ABC):
    """Writes records to a stream, in constant memory. The caller closes the stream.

    `rows`: how many were written. `skipped`: reason in words to the number of records that this format has no row for.
    `repairs`: kind (see `REPAIRS`) to the number of characters.
    """

    always_metadata: ClassVar[bool] = False

    def __init__(self, stream: BinaryIO, options: FormatOptions) -> None:
        self.stream, self.options = stream, options
        self.rows = 0
        self.skipped: Counter[str] = Counter()
        self.repairs: Counter[str] = Counter()
        self.start()

    def write(self, record: Record) -> int:
        """Write a record and return the number of its rows. Raises ExportError, which names the conversation."""
        with_metadata = self.always_metadata or self.options.metadata
        rows = self.write_rows(repair_record(record, self.repairs, metadata=with_metadata))
        self.rows += rows
        return rows

    def start(self) -> None:  # noqa: B027  most formats have nothing there
        """Write what stands before the first row."""

    @abstractmethod
    def write_rows(self, record: Record) -> int: ...

    def close(self) -> None:  # noqa: B027
        """Write what stands after the last row. Nothing can be written afterwards."""


MakeRows = Callable[[Any, FormatOptions], Iterable[Row] | str]


class JsonLinesWriter(Writer):
    r"""A JSON object and "\n" for each row. The rows come from `make_rows`; a text instead of rows is why there are none."""

    def __init__(self, stream: BinaryIO, options: FormatOptions, *, make_rows: MakeRows) -> None:
        self.make_rows = make_rows
        super().__init__(stream, options)

    def write_rows(self, record: Record) -> int:
        rows = self.make_rows(record, self.options)
        if isinstance(rows, str):
            self.skipped[rows] += 1
            return 0
        lines = [encode_line(add_metadata(row, record, self.options), record) for row in rows]
        self.stream.write(b"".join(lines))
        return len(lines)


def encode_json(value: Any) -> str:
    """One line of compact JSON. Raises ValueError for NaN and Infinity."""
    text = _encode(value)
    if not text.isascii():
        for character, escaped in LINE_BREAKS.items():
            if character in text:
                text = text.replace(character, escaped)
    return text


def encode_line(row: Mapping[str, Any], record: Record) -> bytes:
    """A row as a line of JSON in UTF-8. Raises ExportError for a number that is none."""
    try:
        return f"{encode_json(row)}\n".encode()
    except ValueError:
        refuse(record, "a number in it is infinite or no number (NaN), which JSON does not have")


def add_metadata(row: Row, record: Record, options: FormatOptions) -> Row:
    return {**row, "id": record.id, "metadata": record.metadata} if options.metadata else row


def get_system(record: Record, options: FormatOptions) -> str:
    """The system prompt that is written; empty if there is none, or it is left out."""
    return record.system if options.system and record.system.strip() else ""


def check_turns(example: Example) -> Example:
    """The same. Raises ExportError for a conversation without turns."""
    if not example.turns:
        refuse(example, "it has no turns")
    return example
