"""The dataset folder of Hugging Face: a card and a file for each split, the same bytes each time."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from exports.formats import FORMATS, ExportError
from exports.formats.hub import Card, build_card, write_folder
from exports.formats.hub.card import choose_size
from tests.exports.formats.examples import make_example, write


def make_card(**fields: Any) -> Card:
    return Card(**{"name": "Retirement", "splits": {"train": 2, "test": 1, "validation": 0}, **fields})


def make_files(folder: Path) -> dict[str, Path]:
    for split, count in (("train", 2), ("test", 1), ("validation", 0)):
        (folder / f"{split}.jsonl").write_bytes(write("messages", *[make_example()] * count)[0])
    return {split: folder / f"{split}.jsonl" for split in ("train", "test", "validation")}


def write_archive(folder: Path, card: Card) -> bytes:
    stream = io.BytesIO()
    write_folder(stream, card, make_files(folder))
    return stream.getvalue()


def test_the_archive_holds_the_card_and_the_filled_splits(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(write_archive(tmp_path, make_card()))) as archive:
        assert archive.namelist() == [
            "README.md",
            "data/train-00000-of-00001.jsonl",
            "data/test-00000-of-00001.jsonl",
        ]
        assert archive.read("data/train-00000-of-00001.jsonl") == (tmp_path / "train.jsonl").read_bytes()
        card = archive.read("README.md").decode()
    assert "- split: train\n    path: data/train-00000-of-00001.jsonl\n" in card
    assert "validation" not in card


def test_the_same_splits_give_the_same_bytes(tmp_path: Path) -> None:
    assert write_archive(tmp_path, make_card()) == write_archive(tmp_path, make_card())


def test_nothing_to_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="nothing to export"):
        write_archive(tmp_path, make_card(splits={"train": 0}))


def test_the_card_warns_first_and_no_name_breaks_its_header() -> None:
    name = 'A "name": with\n---\nlines # and ünicode'
    card = make_card(
        name=name, simulated=True, warning="SIMULATED: all.", license="cc-by-4.0", languages=["de"]
    )
    text = build_card(card, {split: f"data/{split}.jsonl" for split in card.splits})
    _, header, body = text.split("---\n", 2)
    about = yaml.safe_load(header)
    assert about["pretty_name"] == name
    assert (about["license"], about["language"]) == ("cc-by-4.0", ["de"])
    assert about["tags"] == ["synthetic", "conversational", "simulated"]
    assert about["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train.jsonl"}
    assert body.index("SIMULATED: all.") < body.index("Each row has")


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (2_000_000, "n>1M")],
)
def test_sizes_of_hugging_face(rows: int, size: str) -> None:
    assert choose_size(rows) == size


def test_a_folder_has_no_writer_of_its_own() -> None:
    with pytest.raises(ExportError, match="folder of files"):
        FORMATS["folder"].open(io.BytesIO())
