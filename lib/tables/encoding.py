"""The text in the bytes of a file: UTF-8, UTF-16 and UTF-32 with or without a mark, Windows-1252 where it is certain."""

import codecs
import re
from typing import NamedTuple

from lib.row_problems import make_file_error
from lib.tables.western import is_western

SAVE_AS_UTF8 = "save it as UTF-8 (in Excel: Save as, 'CSV UTF-8')"
# "surrogateescape" turns a byte that is not UTF-8 into one of these. Valid UTF-8 never contains them.
NOT_UTF8 = re.compile("[\udc80-\udcff]")
# The mark of UTF-32 little endian begins with that of UTF-16, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_ONE_BYTE = (("cp1252", "Windows-1252 (Western European)"), ("mac_roman", "Mac Roman (Western European)"))
_MULTIBYTE_UTF8 = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_BYTE_ORDER_MARK = "\ufeff"
SAMPLED_BYTES = 4_096


class Decoded(NamedTuple):
    """The text, and notes that say which encoding it had if not UTF-8. Bytes without a meaning match `NOT_UTF8`."""

    text: str
    notes: list[str]


def decode_text(content: bytes) -> Decoded:
    """Decode the content of a file. Raises RowsError for UTF-16 and UTF-32 that is damaged.

    Bytes that are neither UTF-8 nor certainly Western European stay in the text, so that each can be reported with its row.
    """
    if wide := _find_wide_encoding(content):
        return _decode_wide(content, *wide)
    text = content.decode("utf-8", errors="surrogateescape").lstrip(_BYTE_ORDER_MARK)
    if NOT_UTF8.search(text) is None or _MULTIBYTE_UTF8.search(content):
        return Decoded(text, [])
    return _decode_one_byte(content) or Decoded(text, [])


def decode_strictly(content: bytes) -> Decoded:
    """As `decode_text`. Raises RowsError for a byte that has no meaning, too."""
    found = decode_text(content)
    if wrong := NOT_UTF8.search(found.text):
        place = len(found.text[: wrong.start()].encode("utf-8", "surrogateescape")) + 1
        raise make_file_error(f"The file is not UTF-8 (byte {place:,}): {SAVE_AS_UTF8}.")
    return found


def _find_wide_encoding(content: bytes) -> tuple[str, str] | None:
    """The encoding and its name, by its mark, or else by the zero bytes that every second byte of Latin letters is."""
    for mark, encoding, name in _MARKS:
        if content.startswith(mark):
            return encoding, name
    sample = content[:SAMPLED_BYTES]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(content) % 2 == 0 and min(even, odd) == 0 and max(even, odd) * 4 >= len(sample):
        return ("utf-16-le" if odd else "utf-16-be"), "UTF-16"
    return None


def _decode_wide(content: bytes, encoding: str, name: str) -> Decoded:
    try:
        text = content.decode(encoding).lstrip(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as wrong:
        message = f"The file is {name}, but damaged at byte {wrong.start + 1:,}: {SAVE_AS_UTF8}."
        raise make_file_error(message) from wrong
    return Decoded(text, [f"The file is {name}."])


def _decode_one_byte(content: bytes) -> Decoded | None:
    for encoding, name in _ONE_BYTE:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if is_western(text):
            return Decoded(text, [f"The file is not UTF-8. It was read as {name}: look at its accents."])
    return None
