"""From the bytes of a file to conversations, with what was repaired and what was refused, by row. Pure: no database.

`file` is the way of a file, top to bottom: `values` finds the JSON values with their lines, `tables` the rows of a CSV file or a
workbook, `shapes` brings the known ways to write a conversation into one, `details` reads what is known about it.
"""

from exports.importing.reading.file import read_file
from exports.importing.reading.records import FileContent, ReadConversation

__all__ = ["FileContent", "ReadConversation", "read_file"]
