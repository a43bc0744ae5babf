"""Read the file that reviewers send back: decisions, reasons, notes and edited turns, and what cannot be read, by row. No database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from conversations.models.decisions import LONGEST_NOTE
from conversations.states import ReasonCode, ReviewAction
from exports.reviewing.columns import (
    DECISION,
    EDITED,
    ID,
    MOST_TURNS,
    NOTE,
    REASONS,
    REVIEWER,
    REVISION,
    VERSION,
)
from lib.row_problems import RowProblem, make_file_error
from lib.tables.formulas import describe_unguarded, remove_guard
from lib.tables.header import KnownColumns, make_column_key
from lib.tables.limits import TableBounds
from lib.tables.reading import read_table

BOUNDS = TableBounds(bytes=20_000_000, rows=5_000, columns=1_000, cells=500_000)
LONGEST_REVIEWER = 200
MOST_DIGITS = 9
_EDITED = tuple(f"{EDITED}{number}" for number in range(1, MOST_TURNS + 1))
KNOWN = KnownColumns((ID, VERSION, REVISION, DECISION, REASONS, NOTE, REVIEWER, *_EDITED), key=ID)
_WORDS = {
    ReviewAction.APPROVE: ("approve", "approved", "accept", "accepted", "ok", "yes"),
    ReviewAction.REJECT: ("reject", "rejected", "no"),
    ReviewAction.NEEDS_REVISION: ("needsrevision", "revise", "revision", "sendback", "sentback"),
}
DECISIONS = {word: action for action, words in _WORDS.items() for word in words}
_REASONS = {
    make_column_key(text): ReasonCode(code) for code, label in ReasonCode.choices for text in (code, label)
}
_BETWEEN = re.compile(r"[,;|]")


@dataclass(frozen=True, kw_only=True)
class ReviewRow:
    """What one row asks for. `version` and `revision` are those that the reviewer read."""

    number: int
    conversation_id: str
    version: int
    revision: int
    decision: ReviewAction | None = None
    reasons: tuple[ReasonCode, ...] = ()
    note: str = ""
    reviewer: str = ""
    edits: Mapping[int, str] = field(default_factory=dict)


@dataclass
class ReviewFile:
    """`untouched` rows have neither a decision nor an edit nor a note."""

    rows: list[ReviewRow] = field(default_factory=list)
    untouched: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_reviews(content: bytes, *, sheet: str = "") -> ReviewFile:
    """Raises RowsError when nothing can be read. A row with a problem is left out as a whole."""
    table = read_table(content, known=KNOWN, bounds=BOUNDS, sheet=sheet)
    missing = [name for name in (ID, VERSION, REVISION) if name not in table.columns]
    if missing:
        raise make_file_error(
            f"The column {missing[0]} is missing. Begin with the file for reviewers, and leave its first columns as they are."
        )
    found = ReviewFile(notes=list(table.notes), problems=list(table.problems))
    unguarded, seen = 0, set[str]()
    for row in table.rows:
        cells = {name: remove_guard(cell) for name, cell in row.cells.items()}
        unguarded += sum(cells[name] != cell for name, cell in row.cells.items())
        problems: list[RowProblem] = []
        read = _Row(row.number, cells, problems).read()
        if read is not None and read.conversation_id in seen:
            problems.append(RowProblem(row.number, ID, "stands twice in the file; keep one of its rows."))
        if problems or read is None:
            found.problems += problems
        elif read.decision is None and not read.edits and not read.note:
            found.untouched += 1
        else:
            found.rows.append(read)
        seen.add(cells.get(ID, "").strip())
    found.notes += describe_unguarded(unguarded)
    return found


class _Row:
    """Reads the cells of a row, and collects what is wrong with them."""

    def __init__(self, number: int, cells: Mapping[str, str], problems: list[RowProblem]) -> None:
        self.number, self.cells, self.problems = number, cells, problems

    def read(self) -> ReviewRow | None:
        key = self.cells.get(ID, "").strip()
        if not key:
            self.blame(ID, "is empty. Leave it as it was in the file for reviewers.")
        version, revision = self._read_number(VERSION), self._read_number(REVISION)
        decision = self._read_decision()
        reasons = self._read_reasons()
        if reasons and decision not in (ReviewAction.REJECT, ReviewAction.NEEDS_REVISION):
            self.blame(REASONS, "are for reject and needs_revision; empty the cell, or decide.")
        note, reviewer = self._read_text(NOTE, LONGEST_NOTE), self._read_text(REVIEWER, LONGEST_REVIEWER)
        if self.problems or version is None or revision is None:
            return None
        return ReviewRow(
            number=self.number,
            conversation_id=key,
            version=version,
            revision=revision,
            decision=decision,
            reasons=reasons,
            note=note,
            reviewer=reviewer,
            edits=self._read_edits(),
        )

    def blame(self, column: str, message: str) -> None:
        self.problems.append(RowProblem(self.number, column, message))

    def _read_number(self, column: str) -> int | None:
        text = self.cells.get(column, "").strip().removesuffix(".0")
        if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
            return int(text)
        self.blame(column, "must be the number that the file for reviewers has there.")
        return None

    def _read_decision(self) -> ReviewAction | None:
        text = self.cells.get(DECISION, "").strip()
        if not text:
            return None
        found = DECISIONS.get(make_column_key(text[:100]))
        if found is None:
            self.blame(DECISION, f"“{text[:40]}” is none of approve, reject and needs_revision.")
        return found

    def _read_reasons(self) -> tuple[ReasonCode, ...]:
        found: dict[ReasonCode, None] = {}
        for text in _BETWEEN.split(self.cells.get(REASONS, "")[:2_000]):
            if not (key := make_column_key(text)):
                continue
            code = _REASONS.get(key)
            if code is None:
                known = ", ".join(ReasonCode.values)
                self.blame(REASONS, f"“{text.strip()[:40]}” is not known; known are {known}.")
            else:
                found[code] = None
        return tuple(found)

    def _read_text(self, column: str, most: int) -> str:
        text = self.cells.get(column, "").strip().replace("\0", "")
        if len(text) > most:
            self.blame(column, f"has more than {most:,} characters; shorten it.")
        return text

    def _read_edits(self) -> dict[int, str]:
        """Spreadsheets end the lines of a cell in several ways; in a turn they end as JSON's usual LF."""
        return {
            number: cell.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
            for number, name in enumerate(_EDITED, start=1)
            if (cell := self.cells.get(name, ""))
        }
