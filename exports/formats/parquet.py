"""Parquet with the columns that `datasets` reads without guessing. pyarrow is an optional package, see requirements-parquet.lock."""

import importlib
import importlib.util
from typing import Any, BinaryIO

from exports.formats.messages import make_rows
from exports.formats.records import Example, MissingPackage, Record, refuse
from exports.formats.writing import FormatOptions, Row, Writer, encode_json

# A row group is held in memory until it is written.
MOST_ROWS, MOST_CHARACTERS = 1_000, 4_000_000
INSTALL = (
    "Parquet needs the package pyarrow. Install it with: .venv/bin/pip install -r requirements-parquet.lock"
)


def is_available() -> bool:
    return importlib.util.find_spec("pyarrow") is not None


class ParquetWriter(Writer):
    """A column `messages`, a list of {role, content}, and with metadata `id` and `metadata`, which is JSON as a text.

    Metadata are a text because a column has one type for all rows, and values of one key need not have one.
    """

    def __init__(self, stream: BinaryIO, options: FormatOptions) -> None:
        self.held: list[Row] = []
        self.characters = 0
        super().__init__(stream, options)

    def start(self) -> None:
        if not is_available():
            raise MissingPackage(INSTALL)
        self.arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
        self.schema = self._make_schema()
        self.file = parquet.ParquetWriter(self.stream, self.schema, compression="zstd")

    def write_rows(self, record: Record) -> int:
        if not isinstance(record, Example):
            refuse(record, "it is a pair of versions, and this file takes conversations")
        for row in make_rows(record, self.options):
            if self.options.metadata:
                row = {**row, "id": record.id, "metadata": self._encode_metadata(record)}
            self.held.append(row)
        self.characters += sum(len(turn.content) for turn in record.turns)
        if len(self.held) >= MOST_ROWS or self.characters >= MOST_CHARACTERS:
            self._flush()
        return 1

    def close(self) -> None:
        self._flush()
        self.file.close()

    def _flush(self) -> None:
        if self.held:
            self.file.write_batch(self.arrow.RecordBatch.from_pylist(self.held, schema=self.schema))
        self.held, self.characters = [], 0

    def _make_schema(self) -> Any:
        text = self.arrow.string()
        message = [("role", text), ("content", text)]
        if self.options.train_flags:
            kind = self.arrow.int8() if self.options.train_flags == "weight" else self.arrow.bool_()
            message.append((self.options.train_flags, kind))
        columns = [("messages", self.arrow.list_(self.arrow.struct(message)))]
        if self.options.metadata:
            columns += [("id", text), ("metadata", text)]
        return self.arrow.schema(columns)

    def _encode_metadata(self, record: Record) -> str:
        try:
            return encode_json(dict(record.metadata))
        except ValueError:
            refuse(
                record, "a number in its metadata is infinite or no number (NaN), which JSON does not have"
            )
