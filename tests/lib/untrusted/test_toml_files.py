"""TOML of strangers: what is read as it stands, and each bound at its edge."""

import contextlib
import time
import tomllib
import tracemalloc
from pathlib import Path

import pytest

from lib.untrusted.toml_files import MOST_PARTS, UnreadableTOML, read_toml

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "text",
    [
        'a = 1\nb = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5]\nc."d.e".f = "x"',
        'a = """'
        + "." * 200
        + ' = 1\n[[[[[[[[[[[[[[[[[[[[[[[[[[\n\\"""\n"""""\nb = \'...........# no comment\'',
        "# a comment with dots ........................ = and ' a quote\na = '''\n[[[[\n'''''\n",
        "a = { b.c = 1, d = [[1], [2]] }\n[x.y.z]\nq = 2026-01-01",
    ],
)
def test_what_tomllib_reads_is_read(text: str) -> None:
    assert read_toml(text) == tomllib.loads(text)


def test_the_files_of_the_repository_are_read() -> None:
    files = [path for path in ROOT.glob("*/**/*.toml") if ".venv" not in path.parts]
    assert len(files) > 3
    for path in files:
        assert read_toml(path.read_text()) == tomllib.loads(path.read_text())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a." * MOST_PARTS + "b = 1", "more than 10 parts"),
        ("['a' . \"b\". " + "a ." * MOST_PARTS + "b]", "more than 10 parts"),
        ("a = {" + "b." * MOST_PARTS + "c = 1}", "more than 10 parts"),
        ("\n" * 100_001, "more than 100,000 lines"),
        ("a = [" + "1," * 100_001 + "]", "more than 100,000 lines"),
        ("a = " + "[" * 21 + "]" * 21, "more than 20 levels"),
        ("a = inf", "inf is no number"),
        ("a = -nan", "-nan is no number"),
        ("a = 1e999", "1e999 is no number"),
        ("a = " + "1" * 5_000, "not valid TOML"),
        ("a = ", "not valid TOML"),
    ],
)
def test_a_bound_is_told(given: str, words: str) -> None:
    with pytest.raises(UnreadableTOML, match=words):
        read_toml(given)


@pytest.mark.parametrize(
    "unit", ["n", " ", "- ", "a .", ". ", '"', "'", '"""\\', "\\", "#", "\t.\n", '\\"', '""\'', "'''\""]
)
def test_no_text_takes_time_by_its_square(unit: str) -> None:
    """A word of 100,000 letters took half a minute: the search for long keys began again at each of them."""
    text = (unit * 200_000)[:200_000]
    before = time.thread_time()
    for start in ("", "a = "):
        with contextlib.suppress(UnreadableTOML):
            read_toml(start + text)
    assert time.thread_time() - before < 5


def test_many_parts_take_no_memory() -> None:
    """24 KB took half a gigabyte, 48 KB two."""
    tracemalloc.start()
    with pytest.raises(UnreadableTOML):
        read_toml("a." * 1_000_000 + "b = 1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000
