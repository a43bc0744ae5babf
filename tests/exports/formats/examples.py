"""Conversations as records, and what a format makes of them."""

import io
import json
from typing import Any

from exports.formats import FORMATS, Example, FormatOptions, Record, Turn, Writer

SPOKEN = ("Q1", "A1", "Q2", "A2")


def make_turns(*texts: str) -> tuple[Turn, ...]:
    """Turns of these texts, the user's first."""
    return tuple(Turn(("user", "assistant")[at % 2], text) for at, text in enumerate(texts))


def make_example(*texts: str, **fields: Any) -> Example:
    return Example(
        **{"id": "fp_anna_001", "turns": make_turns(*(texts or SPOKEN)), "system": "Be kind.", **fields}
    )


def write(name: str, *records: Record, **options: Any) -> tuple[bytes, Writer]:
    """The bytes of a file in this format, and its writer."""
    stream = io.BytesIO()
    writer = FORMATS[name].open(stream, FormatOptions(**options))
    for record in records:
        writer.write(record)
    writer.close()
    return stream.getvalue(), writer


def read_rows(name: str, *records: Record, **options: Any) -> list[Any]:
    """The rows of a JSONL file."""
    content, _ = write(name, *records, **options)
    return [json.loads(line) for line in content.split(b"\n")[:-1]]
