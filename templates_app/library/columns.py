"""The columns of files of scenarios, edge cases and options. In JSON they are the keys of an object."""

import functools

from lib.tables.header import KnownColumns
from templates_app.library.checks import SITUATION_TEXTS
from templates_app.states import EntryKind

PARAMETER = "parameters."
SITUATION_COLUMNS = (*SITUATION_TEXTS, "tags", "template")
OPTION_COLUMNS = ("kind", "name", "description", "weight")
# What the API's answers have besides, and a file cannot set.
FROM_API = frozenset(("id", "position", "pack", "archivedAt", "createdAt", "updatedAt"))
REQUIRED = {
    EntryKind.SCENARIO: ("name",),
    EntryKind.EDGE_CASE: ("name",),
    EntryKind.OPTION: ("kind", "name"),
}


def list_columns(kind: EntryKind) -> tuple[str, ...]:
    return OPTION_COLUMNS if kind == EntryKind.OPTION else SITUATION_COLUMNS


@functools.cache
def find_columns(kind: EntryKind) -> KnownColumns:
    """The columns of a file of this kind, to find them by any spelling."""
    prefix = "" if kind == EntryKind.OPTION else PARAMETER
    return KnownColumns(list_columns(kind), key="name", prefix=prefix)
