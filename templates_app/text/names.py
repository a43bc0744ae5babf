"""The names of variables: which are allowed, and the nearest one that is. Pure Python."""

import re
import unicodedata

MAX_NAME = 64
NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}")

# Letters that Unicode does not take apart into a plain letter and an accent.
_LATIN = dict(zip("ßæœøłđðþıŋ", ("ss", "ae", "oe", "o", "l", "d", "d", "th", "i", "n"), strict=True))
_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", (*"abgdeziqiklmnxoprsstyf", "ch", "ps", "o"), strict=True))
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
        (
            *("a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s"),
            *(
                "t",
                "u",
                "f",
                "kh",
                "ts",
                "ch",
                "sh",
                "shch",
                "",
                "y",
                "",
                "e",
                "yu",
                "ya",
                "i",
                "yi",
                "ye",
                "g",
            ),
        ),
        strict=True,
    )
)
_LETTERS: dict[str, str] = {**_LATIN, **_GREEK, **_CYRILLIC}
_OTHERS = re.compile(r"[^A-Za-z0-9_]+")


def suggest_name(wrong: str) -> str:
    """The nearest name that is allowed: `Tweet text` gives `Tweet_text`, `prénom` gives `prenom`, `1st` gives `_1st`.

    Of a script that is not spelled out here nothing remains; then it is `name`.
    """
    plain = "".join(map(_spell, unicodedata.normalize("NFC", wrong[: 4 * MAX_NAME])))
    plain = _OTHERS.sub("_", plain).strip("_")
    if not plain:
        return "name"
    return (f"_{plain}" if plain[0].isdigit() else plain)[:MAX_NAME]


def _spell(letter: str) -> str:
    """The letter without accents, in Latin letters."""
    spelled = _LETTERS.get(letter.lower())
    if spelled is not None:
        return spelled.capitalize() if letter.isupper() else spelled
    return "".join(each for each in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(each))


def describe_fault(wrong: str) -> str:
    """What keeps the word from being a name, as the end of a sentence: "has '-' as its 5th character"; empty if nothing."""
    if wrong[:1].isdigit() and wrong.isascii():
        return f"begins with the digit {wrong[0]}"
    for place, letter in enumerate(wrong, start=1):
        if not (letter.isascii() and (letter.isalnum() or letter == "_")):
            return f"contains {'a space' if letter == ' ' else repr(letter)} (character {place})"
    return f"has {len(wrong)} characters" if len(wrong) > MAX_NAME else ""
