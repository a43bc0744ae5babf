"""What reading a file gives, and the bounds of a file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conversations.parsing import TurnDraft
from lib.row_problems import RowProblem, limit_problems
from lib.tables.limits import TableBounds

LARGEST_FILE = 20_000_000  # bytes
MOST_CONVERSATIONS = 20_000
MOST_TURNS = 400
LONGEST_TURN = 1_000_000  # characters
BOUNDS = TableBounds(bytes=LARGEST_FILE, rows=100_000, columns=200, cells=1_000_000)
# No more rows are read of a file with so many that cannot be.
MOST_REFUSED = 5_000


class Unreadable(ValueError):
    """A row that is no conversation. The message says what is wrong and what to do, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class ReadConversation:
    """A conversation of the file. `number`: its line, or its row in a table, from 1.

    `system` is None where the file has no system message. `id` is the file's own. `fields` are columns of a conversation
    that the file names: title, persona, emotion, topic, intent, tone, tier, category, language, model, simulated.
    """

    number: int
    turns: tuple[TurnDraft, ...]
    system: str | None = None
    id: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class FileContent:
    """`form` says in words what the file was understood as. `repairs` and `problems` name rows; `notes` mean the whole file."""

    form: str = ""
    conversations: list[ReadConversation] = field(default_factory=list)
    repairs: list[RowProblem] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note_repairs(self, number: int, repairs: Iterable[str]) -> None:
        self.repairs += [RowProblem(number, "", each) for each in dict.fromkeys(repairs)]

    def refuse(self, number: int, message: str) -> None:
        self.problems.append(RowProblem(number, "", message))

    @property
    def is_full(self) -> bool:
        """Whether so much was refused or read that no more is looked at."""
        return len(self.problems) >= MOST_REFUSED or len(self.conversations) > MOST_CONVERSATIONS

    def build_report(self) -> dict[str, Any]:
        """The report as JSON: counts, and each group of rows with the same words once, at most 20 groups."""
        return {
            "form": self.form,
            "read": len(self.conversations),
            "repaired": len({each.row for each in self.repairs}),
            "refused": len({each.row for each in self.problems}),
            "repairs": _list_groups(self.repairs),
            "problems": _list_groups(self.problems),
            "notes": self.notes,
        }


def _list_groups(found: list[RowProblem]) -> list[dict[str, Any]]:
    groups = limit_problems(found)
    return [
        {"rows": each.rows_text, "count": 1 + len(each.more_rows), "message": each.message} for each in groups
    ]
