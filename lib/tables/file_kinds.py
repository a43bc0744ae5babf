"""What kind of file the bytes are, whatever the name says: a workbook, a text, or something that no table can be read from."""

import re

from lib.row_problems import make_file_error

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SAVE_AS_TABLE = "Open it in a spreadsheet and save it as .xlsx or as CSV."
# First bytes and the name of the kind, where no spreadsheet opens the file.
_NAMED = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed (gzip); unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (rb"{\rtf", "a text document (RTF)"),
    (b"SQLite format 3", "a database (SQLite)"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
)
_HTML = re.compile(
    r"(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(?:!doctype html|html|head|meta|body|table|style|div|tr)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*<(?:\?xml|[A-Za-z][\w:.-]*[\s>/])")
_MIME = re.compile(r"\s*MIME-Version:", re.IGNORECASE)
_SNIFFED = 4_096


def is_workbook(content: bytes) -> bool:
    """Whether the file is packed as workbooks are: .xlsx, .xlsm, .xlsb, .ods (zip) or .xls (OLE)."""
    return content.startswith((ZIP, OLE))


def refuse_other_kinds(content: bytes) -> None:
    """Raise RowsError, with what the file is and what to do, for one that is neither a workbook nor a text."""
    for start, name in _NAMED:
        if content.startswith(start):
            raise make_file_error(f"The file is {name}. {SAVE_AS_TABLE}")


def refuse_markup(text: str) -> None:
    """Raise RowsError for a web page or XML, which programs export under the name .xls."""
    head = text[:_SNIFFED]
    if _MIME.match(head) or _HTML.match(head):
        raise make_file_error(
            f"The file is a web page (HTML), as some programs export it under the name .xls. {SAVE_AS_TABLE}"
        )
    if _XML.match(head):
        raise make_file_error(
            f"The file is XML, as some programs export it under the name .xls. {SAVE_AS_TABLE}"
        )


def is_json(text: str) -> bool:
    """Whether the text begins as a list or an object of JSON, or as JSON Lines."""
    return re.match(r"\s*(?:\[\s*[\[{\]\"\d]|\{\s*[\"}]|\[\s*$)", text[:_SNIFFED]) is not None
