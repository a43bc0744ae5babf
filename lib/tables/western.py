"""Whether a text of a one-byte encoding is certainly a Western European one, and not another encoding read wrongly.

Windows-1252 gives a character to nearly every byte, so a text from Poland, Russia or an old Mac can be read as it
without an error. Each rule below is a trace that such a mistake leaves, and that Western European texts do not have.
"""

import re

_LOWER = "a-zà-öø-ÿœ"
_CAPITAL = "À-ÖØ-ÞŒŸ"
_ACCENTED = "À-ÖØ-öø-ÿŒœŸ"
_LETTER = f"A-Za-z{_ACCENTED}"
_VOWEL = "aeiouyàáâãäåèéêëìíîïòóôõöùúûü"
# What Western European texts have in Windows-1252. The letters of Iceland are missing, because Turkish letters look like
# them when they are read wrongly.
_USUAL = re.compile(
    "[\x00-\x7f\u00a0ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜàáâãäåæçèéêëìíîïñòóôõöøùúûüÿßŒœŸ"
    "‘’“”„‚«»‹›–—…•€£§°©®™·½¼¾²³±×÷¡¿ªº´]*"
)
_CAPITAL_INSIDE = re.compile(rf"[{_LOWER}][{_CAPITAL}]|[{_LETTER}][{_CAPITAL}][{_LOWER}]")
_TRACES = re.compile(
    "|".join(
        (
            # Words of other scripts: three characters in a row that are not marks of a sentence, or accented ones alone.
            r"[^\x00-\x7f]{3}(?<![‘’“”„‚«»‹›–—…\u00a0]{3})",
            rf"(?<![{_LETTER}])[{_ACCENTED}]{{2,}}(?![{_LETTER}])",
            # A sign inside a word, or an opening one behind a letter.
            rf"[{_LETTER}][–•€£§°©®™½¼¾²³±×÷¡¿ªº´“”„‚‘«»‹›][{_LOWER}]",
            rf"[½¼¾²³±§°×÷·][{_ACCENTED}]",
            rf"(?<!\w)[²³][{_LOWER}]",
            rf"[{_LOWER}][‚„¿¡€£]",
            rf"[{_LOWER}]—n(?:es)?(?![{_LETTER}])",
            # Accented letters where their languages never have them.
            rf"[ìù][{_LETTER}]",
            r"õ(?!e)",
            r"ã(?![oes\W]|$)",
            rf"ñ(?![{_VOWEL}])",
            rf"è[{_VOWEL}]",
            rf"(?<![{_LETTER}])(?!è[rs])[èï](?=[{_LETTER}])",
            rf"ï(?![{_LETTER}])",
            rf"ç(?![{_VOWEL}\W]|$)",
        )
    ),
    re.IGNORECASE,
)
_NORDIC = re.compile("[æøå]", re.IGNORECASE)
_NOT_NORDIC = re.compile("[áíìúù]", re.IGNORECASE)


def is_western(text: str) -> bool:
    """Whether no character, and no two neighbours, speak against a Western European text."""
    return (
        _USUAL.fullmatch(text) is not None
        and _CAPITAL_INSIDE.search(text) is None
        and _TRACES.search(text) is None
        and not (_NORDIC.search(text) and _NOT_NORDIC.search(text))
        and not ("¿" in text and "?" not in text)
        and not ("¡" in text and "!" not in text)
    )
