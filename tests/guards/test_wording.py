"""Phrases that first-time users stumbled over, and what is said instead. None of them comes back to a page, an error or a help text."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "background",
    "batches",
    "conversations",
    "exports",
    "lib",
    "lorapipe",
    "provider",
    "review",
    "templates_app",
    "terminal",
    "workspaces",
)
REPLACED = {
    "Dearest item": "Most expensive item",
    "Empty: all.": "Leave empty for all; try 3 first.",
    "Go on with the other": "Continue with the rest",
    "Three make a cheap first run": "try 3 first",
    "What they bring is kept": "Their results are kept and charged.",
    "are there, scored and ready to be read": "90 conversations are ready.",
    "of what is finished": "Download manifest",
    "Not now\n": "Close",
    "not less than that": "Minimum $1.22",
    "a lower amount than that changes nothing": "Lower values are ignored.",
    "the prompt of an earlier one": "1 duplicate",
    "rows that name none</": "Default tier",
    'of rows that name none"': "Default tier, default template",
    "One conversation a row: a column topic": "One row per conversation; `topic` required",
    "Several lines vary": "Lines are combined; one applies to all",
    "and the whole list of": "Add all 18 personas",
    "in total, shared out": "In total, split by weight",
    "Numbers of their own": "Exceptions, override the count",
    "They stand above the number": "They override the number for all",
    "A value alone leaves out all": "A single value excludes every match",
    "A name, a colon and a text a line": "One `name: text` per line",
    "Drawn by the seed for each item": "Varies similar items",
    "It is priced as soon as nothing is missing": "Fill required fields to see the price.",
    "is required and has no value": "Required",
    "What was said before the start, and what came": "Estimated and actual",
    "What they are worth;": "Accuracy; target 80%",
    "Send them elsewhere": "Webhook settings",
    "About it; that of": "Details; batch default",
    "Free calls where the server has them": "Free, or one one-token call",
    "do not fit together": "Wrong name or password.",
}


def texts() -> dict[Path, str]:
    """The templates and sources of all rooms, with white space as one space; migrations keep what they said."""
    paths = (
        path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".html", ".js")
    )
    return {
        path: path.read_text()
        for path in paths
        if "migrations" not in path.parts and "vendor" not in path.parts
    }


def test_no_replaced_phrase_is_said_again() -> None:
    found = texts()
    assert len(found) > 500
    said = [
        f"{path.relative_to(ROOT)}: “{phrase.strip()}”; say “{better}”"
        for path, text in found.items()
        for phrase, better in REPLACED.items()
        if re.search(re.escape(phrase).replace(r"\ ", r"\s+"), text)
    ]
    assert said == []
