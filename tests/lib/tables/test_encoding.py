"""Encodings of files: read where they are certain; a text that could be garbled is refused with the byte and the remedy."""

import codecs

import pytest

from lib.row_problems import RowsError
from lib.tables.encoding import NOT_UTF8, decode_strictly, decode_text

CERTAIN: dict[str, tuple[str, str]] = {
    "French": (
        "cp1252",
        "topic\nle crédit à la consommation – “trop cher”\nÉtudiante, honteuse\nça coûte 80 €, où ?",
    ),
    "German": ("cp1252", "topic\nGrößere Ausgaben für Möbel, „später“\nÄrger\nÜBERZIEHUNG"),
    "Spanish": ("cp1252", "topic\n¿Cuánto cuesta la niñera mañana?\nÑandú, información"),
    "Portuguese": ("cp1252", "topic\nNão há pensões; a mãe põe amanhã\nirmãs, corações"),
    "Italian": ("cp1252", "topic\nPiù caffè, perché così è la città"),
    "Danish": ("cp1252", "topic\nGæld på møblerne, også næste år"),
    "English quotes": ("cp1252", "topic\nI don’t know — “maybe” … £5"),
    "Latin-1": ("latin-1", "topic\ncafé, naïve, Müller"),
    "an old Mac, English": ("mac_roman", "topic\nI don’t know – “maybe”"),
    "an old Mac, French": ("mac_roman", "topic\nle crédit à la banque, été"),
    "UTF-8": ("utf-8", "topic\n家賃の負担, życie, жизнь"),
    "UTF-16 with a mark": ("utf-16", "topic\n家賃の負担"),
    "UTF-16 little endian": ("utf-16-le", "topic,persona\nété"),
    "UTF-16 big endian": ("utf-16-be", "topic,persona\nété"),
    "UTF-32 with a mark": ("utf-32", "topic\n家賃"),
}


@pytest.mark.parametrize(("encoding", "text"), CERTAIN.values(), ids=CERTAIN.keys())
def test_what_is_certain_is_read(encoding: str, text: str) -> None:
    found = decode_text(text.encode(encoding))
    assert found.text == text
    assert bool(found.notes) is (encoding != "utf-8")


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_marks_at_the_beginning_are_taken_away(marks: int) -> None:
    assert decode_text(codecs.BOM_UTF8 * marks + b"topic").text == "topic"
    assert decode_text(("\ufeff" * marks + "topic").encode("utf-16-le")).text == "topic"


# Each of these, read as Windows-1252, would be words that nobody wrote.
GARBLED: dict[str, tuple[str, str]] = {
    "Polish": ("cp1250", "topic\nkredyt na życie, młoda matka"),
    "Polish, few accents": ("cp1250", "topic\nkońcówka miesiąca"),
    "Czech": ("cp1250", "topic\npříběh o půjčce"),
    "Hungarian": ("cp1250", "topic\nbővítés és fűtés"),
    "Croatian": ("cp1250", "topic\nračun i žena"),
    "Turkish": ("cp1254", "topic\nkredi kartı borcu, düşük gelir"),
    "Russian": ("cp1251", "topic\nкредит на жизнь"),
    "Russian, KOI8": ("koi8-r", "topic\nкредит на жизнь"),
    "Greek": ("cp1253", "topic\nδάνειο και ενοίκιο"),
    "Hebrew": ("cp1255", "topic\nהלוואה"),
    "Japanese": ("shift_jis", "topic,persona\n家賃の負担,学生"),
    "Japanese, EUC": ("euc-jp", "topic\n家賃の負担"),
    "Chinese": ("gbk", "topic\n房租和信用卡"),
    "Chinese, one sign": ("gbk", "topic\n房租 a"),
    "Korean": ("euc-kr", "topic\n월세 부담"),
    "MS-DOS, German": ("cp850", "topic\nGrößere Möbel für später"),
    "MS-DOS, French": ("cp437", "topic\nle crédit à l'été"),
    "Latvian": ("cp1257", "topic\nkredīts ģimenei, čau"),
}


@pytest.mark.parametrize(("encoding", "text"), GARBLED.values(), ids=GARBLED.keys())
def test_nothing_garbled_gets_in(encoding: str, text: str) -> None:
    content = text.encode(encoding)
    assert NOT_UTF8.search(decode_text(content).text), decode_text(content)
    with pytest.raises(RowsError, match=r"The file is not UTF-8 \(byte \d+\): save it as UTF-8 \(in Excel"):
        decode_strictly(content)


def test_utf_8_with_a_broken_byte_is_no_other_encoding() -> None:
    assert NOT_UTF8.search(decode_text("café and thé ".encode() + b"\xe9").text)


def test_damaged_utf_16_is_named() -> None:
    with pytest.raises(RowsError, match="is UTF-16, but damaged at byte"):
        decode_text(codecs.BOM_UTF16_LE + b"t\0o\0\x00\xd8a\0")
