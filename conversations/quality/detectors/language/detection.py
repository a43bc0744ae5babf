"""In which language a text is written: by its letters, and by the most frequent words of languages that share letters.

It answers one question, "is this the language that was asked for?", and says nothing when it cannot tell. Written for turns of
60 characters and more. A detector with a model would need 139 MB in every worker (py3langid, measured 2026-11-30).
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FEWEST_WORDS = 6  # of Latin or Cyrillic text; fewer could be a name or an exclamation
FEWEST_LETTERS = 8  # of another script
FEWEST_LATIN = 20  # letters where Latin is the other script: names of products are written in it everywhere
CLEAR_SHARE = 0.22  # of a text's words are frequent words of its language; ordinary text has 0.3 to 0.5
CLEAR_LEAD = 2.2  # times the points of the language that was asked for
PLAIN_SHARE = 0.35
ACCENTED_LEAD = 1.3  # the same where a language without accents was asked for, and many letters have some
MANY_ACCENTS = 0.03  # of the letters
WITHOUT_ACCENTS = {"en", "id", "sw", "tl"}
SCRIPTS = {
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "hebrew": "\u0590-\u05ff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "gurmukhi": "\u0a00-\u0a7f",
    "gujarati": "\u0a80-\u0aff",
    "tamil": "\u0b80-\u0bff",
    "telugu": "\u0c00-\u0c7f",
    "kannada": "\u0c80-\u0cff",
    "malayalam": "\u0d00-\u0d7f",
    "sinhala": "\u0d80-\u0dff",
    "thai": "\u0e00-\u0e7f",
    "lao": "\u0e80-\u0eff",
    "myanmar": "\u1000-\u109f",
    "georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "armenian": "\u0530-\u058f",
    "ethiopic": "\u1200-\u137f",
    "khmer": "\u1780-\u17ff",
    "hangul": "\u1100-\u11ff\uac00-\ud7af",
    "kana": "\u3040-\u30ff",
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
}
# The scripts in which a language is written; Latin when it is not named here.
SCRIPTS_OF = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "kk", "ky", "mn", "tg"), ("cyrillic",)),
    **dict.fromkeys(("sr", "bs", "uz", "az"), ("cyrillic", "latin")),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ckb", "ug"), ("arabic",)),
    **dict.fromkeys(("he", "yi", "iw"), ("hebrew",)),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("devanagari",)),
    "el": ("greek",),
    "bn": ("bengali",),
    "pa": ("gurmukhi", "arabic"),
    "gu": ("gujarati",),
    "ta": ("tamil",),
    "te": ("telugu",),
    "kn": ("kannada",),
    "ml": ("malayalam",),
    "si": ("sinhala",),
    "th": ("thai",),
    "lo": ("lao",),
    "my": ("myanmar",),
    "ka": ("georgian",),
    "hy": ("armenian",),
    "am": ("ethiopic",),
    "km": ("khmer",),
    "ko": ("hangul", "han"),
    "ja": ("kana", "han"),
    "zh": ("han",),
    "yue": ("han",),
}
# Other codes of the same language.
SAME = {"no": "nb", "nn": "nb", "ms": "id", "bs": "hr", "iw": "he", "fil": "tl", "cmn": "zh", "mo": "ro"}
# Languages that share most of their frequent words. Only words of one alone tell them apart.
CLOSE = (
    {"da", "nb", "sv"},
    {"cs", "sk"},
    {"es", "gl", "ca", "pt"},
    {"hr", "sl", "sr"},
    {"ru", "bg", "sr"},
    {"uk", "be"},
    {"nl", "af"},
    {"fi", "et"},
)
_OTHER = {name: re.compile(f"[{letters}]") for name, letters in SCRIPTS.items()}
_NOT_LATIN = re.compile(f"[{''.join(SCRIPTS.values())}]")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_LETTER = re.compile(r"[^\W\d_]")
_ASIDE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+", re.DOTALL)
MOST_WORDS = 400  # of a turn; the rest changes nothing


@dataclass(frozen=True, slots=True)
class Points:
    """`share`: points of the language by all words; `only`: how many of the words no other language has."""

    share: float
    only: int


def is_other_language(text: str, words: Sequence[str], asked: str) -> bool:
    """Whether a text is clearly not in the language `asked` (a code such as de or pt-BR). `words`: its words in small letters."""
    code = asked.replace("_", "-").partition("-")[0].lower()
    code = SAME.get(code, code)
    if "`" in text or "://" in text:
        text = _ASIDE.sub(" ", text)
    expected = SCRIPTS_OF.get(code, ("latin",))
    if (main := _find_script(text)) is None:
        return False
    if main not in expected or (
        code in ("ja", "ko") and main == "han" and len(_OTHER["han"].findall(text)) >= FEWEST_LATIN
    ):
        return True
    return main in ("latin", "cyrillic") and _reads_otherwise(text, words[:MOST_WORDS], code)


def _find_script(text: str) -> str | None:
    """The script of at least 6 in 10 of the letters; None when the text has too few letters to tell. Kana decides over Han."""
    other = len(_NOT_LATIN.findall(text))
    letters = len(_LETTER.findall(text))
    if other < 0.4 * letters or not other:
        return "latin" if letters >= FEWEST_LATIN else None
    if other < FEWEST_LETTERS:
        return None
    counts = {name: len(found) for name, pattern in _OTHER.items() if (found := pattern.findall(text))}
    if counts.get("kana", 0) * 8 > counts.get("han", 0):
        counts["kana"] = counts.get("kana", 0) + counts.pop("han", 0)
    name = max(counts, key=lambda each: counts[each])
    return name if counts[name] >= 0.6 * letters or name in ("thai", "devanagari") else None


def _reads_otherwise(text: str, words: Sequence[str], asked: str) -> bool:
    if len(words) < FEWEST_WORDS or _reads_as(words, asked):
        return False
    points = _count(words)
    own = points.get(asked, Points(0, 0))
    known = asked in _read_words()
    best = max(points, key=lambda code: points[code].share, default=asked)
    if best == asked or points[best].share < CLEAR_SHARE:
        return False
    if not known:
        return points[best].share >= 1.5 * CLEAR_SHARE
    if any({best, asked} <= each for each in CLOSE):
        return points[best].only >= 2 + 3 * own.only and points[best].share >= 1.15 * own.share
    accented = asked in WITHOUT_ACCENTS and len(_ACCENTED.findall(text)) >= MANY_ACCENTS * len(text)
    lead = ACCENTED_LEAD if accented else CLEAR_LEAD
    return points[best].share >= lead * own.share and points[best].only >= own.only


def _reads_as(words: Sequence[str], asked: str) -> bool:
    """Whether so many words are of the language that no other one could lead; not for close languages. It saves the counting."""
    if any(asked in group for group in CLOSE):
        return False
    own = _read_words().get(asked, frozenset())
    return sum(word in own for word in words) >= PLAIN_SHARE * len(words)


def _count(words: Sequence[str]) -> dict[str, Points]:
    index = _index_words()
    shares: dict[str, float] = {}
    only: dict[str, int] = {}
    for word in words:
        codes = index.get(word)
        if codes is None:
            continue
        if len(codes) == 1:
            only[codes[0]] = only.get(codes[0], 0) + 1
        for code in codes:
            shares[code] = shares.get(code, 0.0) + 1
    return {code: Points(share / len(words), only.get(code, 0)) for code, share in shares.items()}


@cache
def _read_words() -> dict[str, frozenset[str]]:
    read: dict[str, str] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
    return {code: frozenset(words.split()) for code, words in read.items()}


@cache
def _index_words() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for code, words in _read_words().items():
        for word in words:
            found.setdefault(word, []).append(code)
    return {word: tuple(codes) for word, codes in found.items()}
