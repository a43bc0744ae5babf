"""What each key does, in one table: the sheet of keys, the hints on buttons and the page of settings are made from it.

A person may put other keys in the places of the single ones, in this browser. The script translates a pressed key back to the one of
this table (`lorapipe/static/app.js`), so that pages and script know these only.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

COOKIE = "keymap"
# What somebody may press instead: one sign that every keyboard has without a dead key. g begins the jumps.
ALLOWED = frozenset("abcdefhijklmnopqrstuvwxyzABCDEFHIJKLMNOPQRSTUVWXYZ0123456789.,;/?[]-+*#!'")
LONGEST = 2 * len(ALLOWED)


class Line(NamedTuple):
    """A line of the sheet. `keys` are single ones, `before` is pressed first, or held where it is Shift or Ctrl."""

    keys: tuple[str, ...]
    words: str
    before: str = ""

    @property
    def can_change(self) -> bool:
        return self.before in ("", "Shift") and all(len(key) == 1 for key in self.keys)


LINES: tuple[Line, ...] = (
    Line(("?",), "This sheet"),
    Line(("/",), "Search conversations"),
    Line(("g",), "Generate all", "g"),
    Line(("d",), "Dashboard", "g"),
    Line(("o",), "Generate one", "g"),
    Line(("b",), "Batches", "g"),
    Line(("c",), "Conversations", "g"),
    Line(("r",), "Review queue", "g"),
    Line(("e",), "Exports", "g"),
    Line(("t",), "Templates", "g"),
    Line(("s",), "Scenarios, edge cases, options", "g"),
    Line(("j", "k"), "Next and previous row of a table, or conversation"),
    Line(("o",), "Open the row (Enter does it too)"),
    Line(("[", "]"), "Previous and next page"),
    Line(("f",), "Filters"),
    Line(("p",), "Pause or resume the batch; in the list of conversations, peek at the row"),
    Line(("C",), "Cancel the batch (asks first)", "Shift"),
    Line(("e",), "Failed items of the batch; in the review, edit the turn"),
    Line(("r",), "Read the conversations of the batch; in the review, reject"),
    Line(("d",), "What changed in the newest version of the template, or in this one of the conversation"),
    Line(("a", "n"), "Approve, or send back for revision"),
    Line(("s", "z"), "Skip the conversation, or undo the last decision"),
    Line(("R",), "In the review, regenerate the conversation (asks first)", "Shift"),
    Line(("m", "c"), "Note of the decision, or comment on the turn"),
    Line(
        ("y", "x"),
        "Agree with the judge’s next dimension, or give it another score; in a list, x ticks the row",
    ),
    Line(tuple("123456789"), "Reasons of the decision; 1 or 2 keeps one of two versions"),
    Line((".", ","), "Next and previous turn"),
    Line(("s",), "Save the draft", "Ctrl"),
    Line(("Enter",), "Submit the form", "Ctrl"),
    Line(("Esc",), "Close what is on top"),
)
# The single keys that the script knows, with what they do.
SINGLE: Mapping[str, str] = {key: line.words for line in LINES if line.can_change for key in line.keys}


class KeyClash(ValueError):
    """Two places have the same key, or one has a key that cannot be taken. Its text is for the person."""


def read_keymap(text: str) -> dict[str, str]:
    """The changed keys of a cookie, by the key of the table. Of a cookie that is no keymap: none."""
    if len(text) > LONGEST or len(text) % 2:
        return {}
    changed = dict(zip(text[::2], text[1::2], strict=True))
    try:
        check_keymap(changed)
    except KeyClash:
        return {}
    return changed


def write_keymap(changed: Mapping[str, str]) -> str:
    """As text for the cookie: pairs of signs, the key of the table and the one in its place."""
    return "".join(f"{key}{other}" for key, other in changed.items())


def check_keymap(changed: Mapping[str, str]) -> None:
    """Raises KeyClash with a sentence that names the keys."""
    taken: dict[str, str] = {}
    for key, words in SINGLE.items():
        chosen = changed.get(key, key)
        if len(chosen) != 1 or (chosen not in ALLOWED and chosen != key):
            raise KeyClash(f"“{chosen}” cannot be a key here: choose a letter but g, a number or a sign.")
        if chosen in taken:
            raise KeyClash(f"“{chosen}” would do two things: “{SINGLE[taken[chosen]]}” and “{words}”.")
        taken[chosen] = key
    if unknown := changed.keys() - SINGLE.keys():
        raise KeyClash(f"There is no key “{min(unknown)}” to change.")


def list_translations(changed: Mapping[str, str]) -> list[str]:
    """For the script: `q=a` where q is pressed for a, and `a=` where a does nothing any more."""
    free = [f"{key}=" for key in changed if key not in changed.values()]
    return [*(f"{other}={key}" for key, other in changed.items()), *free]


def list_lines(changed: Mapping[str, str]) -> Iterable[tuple[Line, list[tuple[str, str]]]]:
    """Each line with its keys: as the table names it, and as it is pressed."""
    for line in LINES:
        moved = changed if line.can_change else {}
        yield line, [(key, moved.get(key, key)) for key in line.keys]
