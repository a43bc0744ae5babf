"""What a file says about a conversation beside its turns: its id, its title, its persona, and so on."""

from collections.abc import Mapping
from typing import Any

from exports.importing.reading.texts import read_name
from lib.tables.header import make_column_key
from templates_app.states import LONGEST_TOPIC, Tier

# The column of a conversation to its names in files, as `make_column_key` writes them.
NAMES = {
    "id": ("conversationid", "id", "externalid", "uuid"),
    "title": ("title",),
    "persona": ("persona",),
    "emotion": ("emotion",),
    "topic": ("topic",),
    "intent": ("intent",),
    "tone": ("tone",),
    "tier": ("tier",),
    "category": ("category", "categories", "tags"),
    "language": ("language", "lang"),
    "model": ("model",),
    "simulated": ("simulated",),
}
LONGEST = {
    **dict.fromkeys(("id", "persona", "emotion", "intent", "tone"), 200),
    "title": 300,
    "topic": LONGEST_TOPIC,
    "language": 10,
    "model": 100,
}
LONGEST_CATEGORY = 100
MOST_CATEGORIES = 20
# What our exports write beside these, and a review or a split decides anew.
KNOWN = frozenset(
    (
        "metadata",
        "meta",
        "version",
        "template",
        "templateversion",
        "score",
        "status",
        "group",
        "split",
        "turn",
    )
)
BESIDE = ("metadata", "meta")
UNKNOWN_TIER = "Its tier is none of template, scenario and edge_case, so that of the form was taken."
_TIERS = {make_column_key(tier): tier for tier in Tier.values}


def read_details(rest: Mapping[str, Any], repairs: list[str]) -> tuple[str, dict[str, Any], set[str]]:
    """The file's id, the columns it names, and the keys that mean nothing here. `rest`: what stands beside the turns."""
    flat: dict[str, Any] = {}
    for name in BESIDE:
        if isinstance(rest.get(name), Mapping):
            flat.update((make_column_key(str(key)), value) for key, value in rest[name].items())
    keys = {make_column_key(str(key)): str(key) for key in rest}
    flat.update((key, rest[given]) for key, given in keys.items() if key not in BESIDE)
    fields: dict[str, Any] = {}
    for column, names in NAMES.items():
        given = next((flat[name] for name in names if flat.get(name) not in (None, "", [])), None)
        if given is not None and (value := _read(column, given, repairs)) not in ("", [], None):
            fields[column] = value
    used = {name for names in NAMES.values() for name in names} | KNOWN
    unknown = {given[:40] for key, given in keys.items() if key not in used}
    return fields.pop("id", ""), fields, unknown


def _read(column: str, given: Any, repairs: list[str]) -> Any:
    if column == "category":
        return _read_categories(given, repairs)
    if column == "simulated":
        return given is True or str(given).strip().lower() in ("true", "yes", "1")
    if column == "tier":
        found = _TIERS.get(make_column_key(str(given)[:100]))
        if found is None:
            repairs.append(UNKNOWN_TIER)
        return found
    return read_name(given, LONGEST[column], repairs)


def _read_categories(given: Any, repairs: list[str]) -> list[str]:
    listed = (
        given
        if isinstance(given, list)
        else str(given)[:10_000].replace(";", ",").replace("|", ",").split(",")
    )
    words = (read_name(each, LONGEST_CATEGORY, repairs) for each in listed[:MOST_CATEGORIES])
    return [word for word in dict.fromkeys(words) if word]
