"""Texts of a file: characters that cannot be stored, repaired as exports repair them, and short texts that are names."""

from collections import Counter

from exports.formats import REPAIRS, repairs

CUT = "A name that is too long was cut."


def repair_text(text: str, told: list[str]) -> str:
    """The same text where nothing is to be repaired."""
    found: Counter[str] = Counter()
    repaired = repairs.repair_text(text, found)
    told += [REPAIRS[kind] for kind in found]
    return repaired


def read_name(value: object, most: int, told: list[str]) -> str:
    """A short text in one line, at most `most` characters; empty for what is neither a text nor a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = " ".join(repair_text(str(value)[: most * 4 + 100], told).split())
    if len(text) > most:
        told.append(CUT)
        text = text[:most].rstrip()
    return text
