"""The pictures of the documents: each one that is named is there, each one that is there is shown, and none is large."""

import os
import re
import struct
import zlib
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from lorapipe.management.commands.screenshots import PICTURES, choose_shots
from lorapipe.screenshots.browser import NO_CHROMIUM, NO_PLAYWRIGHT, BrowserMissing, open_studio
from lorapipe.screenshots.demo_stack import PREFIX, remove_abandoned
from lorapipe.screenshots.palette import write_png
from lorapipe.screenshots.shots import SHOTS
from lorapipe.screenshots.states import STATES
from lorapipe.screenshots.world import World
from stack.environment import CHECKOUT
from stack.folder import DataFolder

DOCUMENTS = (CHECKOUT / "README.md", CHECKOUT / "docs" / "tour.md")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)")
MOST_BYTES = 2_500_000
PLACE = re.compile(r"\{(\w+)\}")


def list_named() -> dict[Path, str]:
    """The file and the words of each picture that the documents show."""
    return {
        (document.parent / path).resolve(): words
        for document in DOCUMENTS
        for words, path in PICTURE.findall(document.read_text())
    }


def test_every_picture_of_the_documents_is_there_and_says_what_it_shows() -> None:
    named = list_named()
    assert [path for path in named if not path.is_file()] == []
    assert [path for path, words in named.items() if len(words) < 20] == []


def test_every_picture_is_shown_and_has_a_line_in_the_table() -> None:
    there = {path.resolve() for path in PICTURES.iterdir()}
    assert there == {path for path in list_named() if path.parent == PICTURES}
    assert {path.name for path in there} == {f"{shot.name}.png" for shot in SHOTS}


def test_the_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES


def test_the_tour_shows_the_pictures_in_the_order_of_the_table() -> None:
    shown = [Path(path).stem for _, path in PICTURE.findall(DOCUMENTS[1].read_text())]
    assert shown == [shot.name for shot in SHOTS]


def test_each_name_of_the_tables_is_unique() -> None:
    names = [shot.name for shot in (*SHOTS, *STATES)]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []


def test_each_place_in_a_path_is_an_id_of_the_world() -> None:
    fields = set(World.__dataclass_fields__)
    wanted = {place for shot in (*SHOTS, *STATES) for place in PLACE.findall(shot.path)}
    assert wanted <= fields


def test_only_chooses_by_name() -> None:
    assert choose_shots(SHOTS, None) == list(SHOTS)
    assert [shot.name for shot in choose_shots(SHOTS, ["review", "dashboard", "review"])] == [
        "review",
        "dashboard",
    ]
    with pytest.raises(CommandError, match="No picture is called attic"):
        choose_shots(SHOTS, ["attic"])


def test_a_missing_playwright_is_one_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BrowserMissing) as told, open_studio():
        pass
    assert str(told.value) == NO_PLAYWRIGHT
    for sentence in (NO_PLAYWRIGHT, NO_CHROMIUM):
        assert sentence.count(". ") == 0
        assert "install" in sentence


def test_a_picture_with_a_palette_is_a_png() -> None:
    written = write_png(2, 2, palette=bytes((255, 0, 0, 0, 0, 255)), pixels=bytes((0, 1, 1, 0)))
    assert written.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", written[16:24]) == (2, 2)
    at = written.index(b"IDAT")
    (size,) = struct.unpack(">I", written[at - 4 : at])
    assert zlib.decompress(written[at + 4 : at + 4 + size]) == bytes((0, 0, 1, 0, 1, 0))


def test_folders_of_killed_runs_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old one that nobody has locked goes; one that is in use stays, and so does one that is just being made."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    left, used, young = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "young"))
    for place in (left, used, young):
        DataFolder(place / "data").prepare()
    for place in (left, used):
        os.utime(place, (0, 0))
    with DataFolder(used / "data").hold():
        remove_abandoned()
    assert sorted(path.name for path in tmp_path.iterdir()) == [used.name, young.name]
