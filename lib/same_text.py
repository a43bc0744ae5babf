"""Whether two short texts are the same to a person: outer spaces, case and the composition of letters do not count."""

import functools
import unicodedata
from collections.abc import Iterable

# Spaces of no width, which pages and spreadsheets leave at the ends of a cell.
_INVISIBLE = "\ufeff\u200b\u2060"
_TYPOGRAPHIC = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2011": "-"}
)


def compose(text: str) -> str:
    """The text with each accent in one character with its letter (NFC). On a Mac, file names and some cells have two."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def make_match_key(text: str) -> str:
    """What two texts have in common that look the same: NFC, no outer spaces, one space inside, lower case, plain quotes."""
    plain = compose(text).translate(_TYPOGRAPHIC).strip(_INVISIBLE)
    return compose(" ".join(plain.split()).strip(_INVISIBLE).casefold())


def find_match(text: str, choices: Iterable[str]) -> str | None:
    """The choice that is this text, else the only one that looks the same; None if there is none, or more than one."""
    listed = tuple(choices)
    return text if text in listed else _index_choices(listed).get(make_match_key(text))


@functools.lru_cache(maxsize=256)
def _index_choices(choices: tuple[str, ...]) -> dict[str, str | None]:
    """Key to choice. A key that two choices share gives None."""
    found: dict[str, str | None] = {}
    for choice in choices:
        key = make_match_key(choice)
        found[key] = None if key in found and found[key] != choice else choice
    return found
