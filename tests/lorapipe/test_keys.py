"""The sheet of keys shows what the dispatcher in app.js does: no more and no less."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent / "lorapipe"
SCRIPT = (ROOT / "static" / "app.js").read_text()
SHEET = (ROOT / "templates" / "ui" / "keys.html").read_text()


def table(name: str) -> str:
    found = re.search(rf"const {name} = {{(.*?)}};", SCRIPT, re.DOTALL)
    assert found
    return found[1]


def test_the_sheet_is_the_dispatchers_table() -> None:
    single = set(re.findall(r'^\s*"(.)":', table("KEYS"), re.MULTILINE))
    after_g = {f"g {key}" for key in re.findall(r"\b(\w): \"\[data-go", table("GO"))}
    assert set(re.findall(r'data-map="([^"]+)"', SHEET)) == single | after_g


def test_no_key_means_two_things() -> None:
    single = re.findall(r'^\s*"(.)":', table("KEYS"), re.MULTILINE)
    assert len(single) == len(set(single))
    assert "g" not in single, "g begins the two-key jumps"


def test_no_key_that_scrolls_or_loses_work() -> None:
    for key in ("Backspace", '" "', "Enter"):
        assert f'"{key}":' not in table("KEYS")
