"""Markdown: the conversations as a document to read. The texts stand in it as they are."""

from exports.formats.records import Example, Record, refuse
from exports.formats.table import make_cell
from exports.formats.writing import Writer, check_turns, get_system

HEADINGS = {"system": "System", "user": "User", "assistant": "Assistant"}
SHOWN = ("tier", "persona", "topic", "template", "template_version", "model", "score", "status", "simulated")


class MarkdownWriter(Writer):
    """A heading of level 2 for each conversation, a line of what is known about it, a heading of level 3 for each turn."""

    always_metadata = True

    def write_rows(self, record: Record) -> int:
        if not isinstance(record, Example):
            refuse(record, "it is a pair of versions, and this file takes conversations")
        check_turns(record)
        system = get_system(record, self.options)
        turns = [("system", system)] if system else []
        turns += [(turn.role, turn.content) for turn in record.turns]
        parts = [f"## {record.id}", _describe(record), *(_render(role, content) for role, content in turns)]
        before = "\n" if self.rows else ""
        self.stream.write((before + "\n\n".join(part for part in parts if part) + "\n").encode())
        return 1


def _describe(example: Example) -> str:
    cells = ((key, make_cell(example.metadata.get(key))) for key in SHOWN)
    return " · ".join(f"{key.replace('_', ' ')}: {' '.join(cell.split())}" for key, cell in cells if cell)


def _render(role: str, content: str) -> str:
    return f"### {HEADINGS.get(role, role)}\n\n{content}"
