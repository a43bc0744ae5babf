"""The formats of exported files, each a small module: `FORMATS` by name. Pure: no database. docs/exports.md says who takes which.

    writer = FORMATS["messages"].open(stream, FormatOptions(system=False))
    for example in examples:
        writer.write(example)
    writer.close()

`writer.rows`, `writer.skipped` and `writer.repairs` are for the manifest.
"""

from exports.formats.messages import encode_messages
from exports.formats.records import (
    METADATA_KEYS,
    Example,
    ExportError,
    MissingPackage,
    Pair,
    Record,
    Turn,
)
from exports.formats.registry import FORMATS, Format
from exports.formats.repairs import REPAIRS
from exports.formats.writing import FormatOptions, Writer

__all__ = [
    "FORMATS",
    "METADATA_KEYS",
    "REPAIRS",
    "Example",
    "ExportError",
    "Format",
    "FormatOptions",
    "MissingPackage",
    "Pair",
    "Record",
    "Turn",
    "Writer",
    "encode_messages",
]
