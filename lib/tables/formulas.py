"""The guard of cells that a spreadsheet would take for a formula: a `'` before them, which reading takes away again. Pure."""

import re

# The last four are the wide forms of the first ones, which some spreadsheets take for them.
_BEGINS = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(f"'*{_BEGINS}")
_GUARDED = re.compile(f"'+{_BEGINS}")


def add_guard(cell: str) -> str:
    """The cell with a `'` before what begins as a formula, even behind other `'`, so that `remove_guard` is exact."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def remove_guard(cell: str) -> str:
    """The cell without the `'` that `add_guard` put before it. No other `'` is removed."""
    return cell[1:] if _GUARDED.match(cell) else cell


def describe_unguarded(count: int) -> list[str]:
    """A note about the cells that lost their guard; none for no cells."""
    if not count:
        return []
    return [f"{count:,} cell{'' if count == 1 else 's'} lost the ' that an export puts before a formula."]
