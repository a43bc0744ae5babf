"""A dataset folder of Hugging Face in a ZIP: README.md, and a file for each split under data/."""

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from exports.formats.hub.card import Card, build_card
from exports.formats.parquet import is_available
from exports.formats.records import ExportError

# The same content gives the same bytes, whenever it is written. ZIP knows no earlier time.
_TIME = (1980, 1, 1, 0, 0, 0)
_COPIED = 1 << 20


def choose_inner() -> str:
    """The name of the format of the files in a folder: Parquet where pyarrow is installed, else Messages."""
    return "parquet" if is_available() else "messages"


def name_file(split: str, suffix: str) -> str:
    """The path of a split in the folder, as Hugging Face names it."""
    return f"data/{split}-00000-of-00001{suffix}"


def write_folder(stream: BinaryIO, card: Card, files: Mapping[str, Path]) -> None:
    """Write the ZIP. `files`: a finished file for each split of the card. A split without rows is left out.

    Constant memory. Raises ExportError if there is no row at all.
    """
    filled = {split: count for split, count in card.splits.items() if count}
    if not filled:
        raise ExportError("There is nothing to export: no split has a row.")
    paths = {split: name_file(split, files[split].suffix) for split in filled}
    about = replace(card, splits=filled)
    with zipfile.ZipFile(stream, "w", allowZip64=True) as archive:
        archive.writestr(_describe("README.md"), build_card(about, paths))
        for split, path in paths.items():
            with (
                files[split].open("rb") as source,
                archive.open(_describe(path), "w", force_zip64=True) as to,
            ):
                shutil.copyfileobj(source, to, _COPIED)


def _describe(name: str) -> zipfile.ZipInfo:
    """Parquet is compressed already; the others are compressed here."""
    entry = zipfile.ZipInfo(name, date_time=_TIME)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
