"""Scenarios, edge cases and options written as CSV or JSON files, and the samples that people begin with. Pure.

A spreadsheet would run a cell that looks like a formula. Such a CSV cell gets a `'` in front when it is written, and
loses it when it is read. No other `'` is removed (docs/templates.md). JSON needs no such guard.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from lib.amounts import format_number
from lib.tables.formulas import add_guard
from templates_app.library.columns import PARAMETER, list_columns
from templates_app.states import EntryKind


def dump_csv(kind: EntryKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A CSV file: UTF-8 with a byte order mark for spreadsheets, CR LF after each row, a column for each parameter."""
    names = sorted({f"{PARAMETER}{name}" for row in rows for name in row.get("parameters", {})})
    columns = (*list_columns(kind), *names)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([add_guard(_format_cell(row, column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _format_cell(row: Mapping[str, Any], column: str) -> str:
    if column.startswith(PARAMETER):
        return str(row["parameters"].get(column.removeprefix(PARAMETER), ""))
    value = row[column]
    if isinstance(value, list):
        return "; ".join(value)
    return format_number(value) if isinstance(value, Decimal) else str(value)


def dump_json(kind: EntryKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A JSON list of objects in UTF-8, with one field a line."""
    keys = (*list_columns(kind), *(("parameters",) if kind != EntryKind.OPTION else ()))
    listed = [{key: _format_json_value(row[key]) for key in keys} for row in rows]
    return (json.dumps(listed, ensure_ascii=False, indent=1) + "\n").encode()


def _format_json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def dump_sample(kind: EntryKind) -> bytes:
    """A CSV file with two rows that can be imported as it is."""
    return dump_csv(kind, _SAMPLES[kind])


def _make_situation(**given: Any) -> dict[str, Any]:
    return {**dict.fromkeys(list_columns(EntryKind.SCENARIO), ""), "tags": [], "parameters": {}, **given}


_SAMPLES: dict[EntryKind, list[dict[str, Any]]] = {
    EntryKind.SCENARIO: [
        _make_situation(
            name="Sample: first apartment",
            persona="Young professional",
            emotion="anxious",
            topic="renting a first apartment with student debt",
            intent="find out what is affordable",
            tone="encouraging",
            context="Earns 2,900 a month and owes 14,000 from studies.",
            expected_behaviour="Asks for the fixed costs before giving a number.",
            tags=["housing", "debt"],
            parameters={"age": "24"},
        ),
        _make_situation(
            name="Sample: a rise in pay",
            topic="what to do with a rise in pay",
            context="The pay rises by 300 a month.",
        ),
    ],
    EntryKind.EDGE_CASE: [
        _make_situation(
            name="Sample: asks for a guarantee",
            persona="Retiree",
            emotion="impatient",
            topic="a guaranteed return of 12 percent",
            context="A neighbour has recommended an offer that cannot lose.",
            expected_behaviour="Says that no return is guaranteed, and names the signs of fraud.",
            tags=["fraud"],
        ),
        _make_situation(
            name="Sample: two questions at once",
            topic="a loan and a divorce in one message",
            context="The first message mixes both.",
            expected_behaviour="Takes one question after the other.",
        ),
    ],
    EntryKind.OPTION: [
        {
            "kind": "persona",
            "name": "Night nurse",
            "description": "Works shifts; is tired.",
            "weight": Decimal(2),
        },
        {"kind": "tone", "name": "plain", "description": "", "weight": Decimal(1)},
    ],
}
