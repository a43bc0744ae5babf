"""The sheet of keys shows what the dispatcher in app.js does: no more and no less."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent / "lorapipe"
SCRIPT = (ROOT / "static" / "app.js").read_text()
SHEET = (ROOT / "templates" / "ui" / "keymap.html").read_text()


def table(name: str) -> str:
    found = re.search(rf"const {name} = {{(.*?)}};", SCRIPT, re.DOTALL)
    assert found
    return found[1]


def keys() -> list[str]:
    """Those with a function of their own, and those that press an element of the page."""
    pressed = re.search(r'const PRESSED = "(.*?)";', SCRIPT)
    assert pressed
    return [*re.findall(r'^\s*"(.)":', table("KEYS"), re.MULTILINE), *pressed[1]]


def shown() -> set[str]:
    numbers = "123456789" if '{% for number in "123456789" %}' in SHEET else ""
    return {*re.findall(r'data-map="([^"{]+)"', SHEET), *numbers}


def test_the_sheet_is_the_dispatchers_table() -> None:
    single = set(keys())
    after_g = {f"g {key}" for key in re.findall(r"\b(\w): \"\[data-go", table("GO"))}
    assert shown() == single | after_g


def test_no_key_means_two_things() -> None:
    single = keys()
    assert len(single) == len(set(single))
    assert "g" not in single, "g begins the two-key jumps"


def test_no_key_that_scrolls_or_loses_work() -> None:
    for key in ("Backspace", '" "', "Enter"):
        assert f'"{key}":' not in table("KEYS")
        assert key not in keys()
