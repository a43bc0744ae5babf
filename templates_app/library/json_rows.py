"""The objects of a JSON file as fields of scenarios, edge cases or options. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from lib.row_problems import make_file_error
from lib.tables.header import suggest_name
from lib.tables.json_records import JsonObject, read_json_records
from templates_app.library.checks import clean_fields, quote_short, split_tags
from templates_app.library.columns import FROM_API, PARAMETER, REQUIRED, find_columns, list_columns
from templates_app.library.sheet import BOUNDS, FileRow, Sheet
from templates_app.library.table_rows import describe_unknown, find_kind, read_weight
from templates_app.states import EntryKind
from templates_app.text.variables import describe_value

# An object with more keys is not read: each unknown one would be a problem of its own.
MOST_KEYS = 100


def read_json_rows(text: str, *, kind: EntryKind) -> Sheet:
    """The rows of a JSON text. Raises RowsError when nothing can be read."""
    found = read_json_records(text, key="name")
    if len(found.records) > BOUNDS.rows:
        raise make_file_error(
            f"The file has more than {BOUNDS.rows:,} rows; at most {BOUNDS.rows:,} are allowed. Split it."
        )
    reader = _Reader(kind, Sheet(notes=list(found.notes)))
    for number, given in found.records:
        reader.read_record(number, given)
        if reader.sheet.is_full:
            break
    return reader.finish()


class _Reader:
    """Reads one object after the other into the sheet."""

    def __init__(self, kind: EntryKind, sheet: Sheet) -> None:
        self.kind, self.sheet = kind, sheet
        self.known = (*list_columns(kind), *(("parameters",) if kind != EntryKind.OPTION else ()))
        self.columns = find_columns(kind)
        self.converted = 0

    def finish(self) -> Sheet:
        if self.converted:
            words = (
                "value is a number or true or false, and was"
                if self.converted == 1
                else ("values are numbers or true or false, and were")
            )
            self.sheet.notes.append(f"{self.converted:,} {words} read as text.")
        self.sheet.notes += self.sheet.respellings.describe()
        return self.sheet

    def read_record(self, number: int, given: Any) -> None:
        if not isinstance(given, JsonObject):
            message = f"must be an object, not {describe_value(given)}; write {{...}}."
            self.sheet.add_problem(number, "", message)
            return
        if len(given) > MOST_KEYS:
            message = f"has {len(given):,} keys; at most {MOST_KEYS} are allowed."
            self.sheet.add_problem(number, "", message)
            return
        fields: dict[str, Any] = {}
        for name, value in self._read_fields(number, given):
            if isinstance(value, dict):
                value = {**fields.get(name, {}), **value}
            fields[name] = value
        missing = [name for name in REQUIRED[self.kind] if name not in fields]
        for name in missing:
            if not any(
                problem.row == number and problem.column == name for problem in self.sheet.problems[-5:]
            ):
                self.sheet.add_problem(number, name, "is missing: each row needs one.")
        if not missing:
            self.sheet.rows.append(FileRow(number, clean_fields(self.kind, fields)))

    def _read_fields(self, number: int, given: JsonObject) -> Iterator[tuple[str, Any]]:
        for key in given.repeated:
            self.sheet.add_problem(number, _label_key(key), "is there twice; remove one of them.")
        for key, value in given.items():
            name = self._find_name(key)
            if name is not None:
                try:
                    yield self._read_value(number, name, value)
                except ValueError as wrong:
                    self.sheet.add_problem(number, name, f"{wrong}.")
            elif key == "templateId" and value is not None:
                message = "is the id of a template; write its name under the key template."
                self.sheet.add_problem(number, key, message)
            elif key not in FROM_API and key != "templateId":
                message = f"{describe_unknown(self.kind)}{suggest_name(key, self.known)}"
                self.sheet.add_problem(number, _label_key(key), message)

    def _find_name(self, key: str) -> str | None:
        return key if key in self.known else self.columns.find(key)

    def _read_value(self, number: int, name: str, value: Any) -> tuple[str, Any]:
        """The field and its value. Raises ValueError with what is wrong and what to write."""
        if name.startswith(PARAMETER):
            return "parameters", {name.removeprefix(PARAMETER): self._read_text(value)}
        if name == "parameters":
            return name, self._read_parameters(value)
        if name == "tags":
            return name, _read_tags(value)
        if name == "weight":
            return name, self._read_weight(number, value)
        text = self._read_text(value)
        if name == "kind":
            return name, find_kind(self.sheet, text)
        return name, text.strip() if name == "template" else text

    def _read_text(self, value: Any) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, bool):
            self.converted += 1
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            self.converted += 1
            return str(value)
        raise ValueError(f"must be text, not {describe_value(value)}; put it in quotes")

    def _read_parameters(self, value: Any) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ValueError(f"must be an object, not {describe_value(value)}; write {{...}}")
        wrong = [name for name, each in value.items() if isinstance(each, list | dict)]
        if wrong:
            raise ValueError(f"{quote_short(wrong[0])} must be text; put it in quotes")
        return {name: self._read_text(each) for name, each in value.items()}

    def _read_weight(self, number: int, value: Any) -> Decimal:
        if isinstance(value, str):
            return read_weight(self.sheet, number, value)
        if value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool)):
            return Decimal(1) if value is None else Decimal(value)
        raise ValueError(f"must be a number, not {describe_value(value)}; write 1 or 2.5 without quotes")


def _read_tags(value: Any) -> list[str]:
    if value is None or isinstance(value, str):
        return split_tags(value or "")
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(f'must be a list of texts, not {describe_value(value)}; write ["one", "two"]')


def _label_key(key: str) -> str:
    return key if key.isprintable() and len(key) <= 60 else quote_short(key)
