"""Read a file: which kind it is, its conversations, what was repaired, what was refused and what was left out."""

from collections import Counter
from typing import Any

from exports.importing.reading.details import read_details
from exports.importing.reading.records import (
    BOUNDS,
    MOST_CONVERSATIONS,
    MOST_REFUSED,
    FileContent,
    ReadConversation,
    Unreadable,
)
from exports.importing.reading.shapes import read_shape
from exports.importing.reading.tables import iter_rows
from exports.importing.reading.values import iter_values
from lib.row_problems import make_file_error
from lib.tables.encoding import NOT_UTF8, SAVE_AS_UTF8, decode_text
from lib.tables.file_kinds import is_json, is_workbook, refuse_markup, refuse_other_kinds
from lib.tables.limits import check_size

MOST_KEYS = 20


def read_file(content: bytes, *, sheet: str = "") -> FileContent:
    """The conversations of a file: JSON Lines, JSON, CSV or a workbook, of which `sheet` chooses one.

    Raises RowsError when nothing can be read, or when the file is larger than its bounds.
    """
    check_size(content, BOUNDS.bytes)
    refuse_other_kinds(content)
    reader = _Reader()
    if is_workbook(content):
        reader.read_rows(content, sheet)
    else:
        decoded = decode_text(content)
        refuse_markup(decoded.text)
        if is_json(decoded.text):
            reader.found.notes += decoded.notes
            reader.read_values(decoded.text)
        else:
            reader.read_rows(content, sheet)
    return reader.finish()


class _Reader:
    """Collects what is read. `left_out` counts the keys that mean nothing here."""

    def __init__(self) -> None:
        self.found = FileContent()
        self.forms: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def read_values(self, text: str) -> None:
        damaged = NOT_UTF8.search(text) is not None
        for each in iter_values(text):
            if each.problem:
                self.found.refuse(each.line, each.problem)
            elif damaged and NOT_UTF8.search(repr(each.value)):
                self.found.refuse(each.line, f"It holds a byte that is not UTF-8: {SAVE_AS_UTF8}.")
            else:
                repairs = [f"{words[:1].upper()}{words[1:]}." for words in each.repairs]
                self.add(each.line, each.value, repairs)
            if self.found.is_full:
                return

    def read_rows(self, content: bytes, sheet: str) -> None:
        for number, value in iter_rows(content, sheet=sheet, found=self.found):
            if isinstance(value, Unreadable):
                self.found.refuse(number, str(value))
            else:
                self.add(number, value, [])
            if self.found.is_full:
                return

    def add(self, number: int, value: Any, repairs: list[str]) -> None:
        try:
            shape = read_shape(value)
        except Unreadable as wrong:
            self.found.refuse(number, str(wrong))
            return
        repairs += shape.repairs
        key, fields, unknown = read_details(shape.rest, repairs)
        self.forms[shape.form] += 1
        self.left_out.update(unknown)
        self.found.note_repairs(number, repairs)
        self.found.conversations.append(
            ReadConversation(
                number=number, turns=tuple(shape.turns), system=shape.system, id=key, fields=fields
            )
        )

    def finish(self) -> FileContent:
        """Raises RowsError for a file with too many conversations, or with nothing in it."""
        found = self.found
        if len(found.conversations) > MOST_CONVERSATIONS:
            raise make_file_error(
                f"The file has more than {MOST_CONVERSATIONS:,} conversations, which is the most allowed. Split it."
            )
        if not found.conversations and not found.problems:
            raise make_file_error("The file is empty.")
        if len(found.problems) >= MOST_REFUSED:
            found.notes.append(f"After {MOST_REFUSED:,} rows that cannot be read the rest was not looked at.")
        found.form = found.form or ", ".join(form for form, _ in self.forms.most_common(3))
        if self.left_out:
            named = ", ".join(f"“{key}” ({count:,})" for key, count in self.left_out.most_common(MOST_KEYS))
            found.notes.append(f"Left out, because they mean nothing here: {named}.")
        return found
