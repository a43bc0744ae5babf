"""The sheet of keys shows what the dispatcher in app.js does: no more and no less."""

import re
from pathlib import Path

from django.template import Context, Template

from workspaces.web.keymap import LINES, SINGLE

ROOT = Path(__file__).resolve().parent.parent.parent / "lorapipe"
SCRIPT = (ROOT / "static" / "app.js").read_text()


def table(name: str) -> str:
    found = re.search(rf"const {name} = {{(.*?)}};", SCRIPT, re.DOTALL)
    assert found
    return found[1]


def keys() -> list[str]:
    """Those with a function of their own, and those that press an element of the page."""
    pressed = re.search(r'const PRESSED = "(.*?)";', SCRIPT)
    assert pressed
    return [*re.findall(r'^\s*"(.)":', table("KEYS"), re.MULTILINE), *pressed[1]]


def test_the_sheet_is_the_dispatchers_table() -> None:
    after_g = re.search(r'const GO = "(.*?)";', SCRIPT)
    assert after_g
    assert set(SINGLE) == set(keys())
    assert {key for line in LINES if line.before == "g" for key in line.keys} == set(after_g[1])
    sheet = Template("{% load ui %}{% include 'ui/keymap.html' %}").render(Context())
    assert set(re.findall(r'data-map="([^"]+)"', sheet)) == set(keys()) | {f"g {key}" for key in after_g[1]}


def test_no_key_means_two_things() -> None:
    single = keys()
    assert len(single) == len(set(single))
    assert "g" not in single, "g begins the two-key jumps"


def test_no_key_that_scrolls_or_loses_work() -> None:
    for key in ("Backspace", '" "', "Enter"):
        assert f'"{key}":' not in table("KEYS")
        assert key not in keys()
