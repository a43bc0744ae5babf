"""Plain JSON: one array of conversations with everything that is known about them, for programs of one's own."""

from exports.formats.messages import make_messages
from exports.formats.records import Example, Record, refuse
from exports.formats.writing import Row, Writer, check_turns, encode_line, get_system


class JsonWriter(Writer):
    """[{"id": ..., "system": ..., "messages": [...], "metadata": {...}}, ...], one conversation a line."""

    always_metadata = True

    def start(self) -> None:
        self.stream.write(b"[")

    def write_rows(self, record: Record) -> int:
        if not isinstance(record, Example):
            refuse(record, "it is a pair of versions, and this file takes conversations")
        line = encode_line(self._make_row(record), record)
        self.stream.write((b",\n" if self.rows else b"\n") + line[:-1])
        return 1

    def close(self) -> None:
        self.stream.write(b"\n]\n")

    def _make_row(self, example: Example) -> Row:
        check_turns(example)
        system = {"system": get_system(example, self.options)} if self.options.system else {}
        messages = make_messages(example.turns, Example(example.id, example.turns), self.options)
        return {"id": example.id, **system, "messages": messages, "metadata": example.metadata}
