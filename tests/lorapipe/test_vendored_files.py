import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import vendor

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "lorapipe" / "static"
TEMPLATES = sorted([*ROOT.glob("*/templates/**/*.html")])


def test_committed_files_are_those_of_the_manifest() -> None:
    assert vendor.problems(json.loads(vendor.MANIFEST.read_text())) == []


def test_an_edited_a_missing_and_an_extra_file_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "VENDOR", tmp_path)
    (tmp_path / "edited.js").write_text("changed")
    (tmp_path / "extra.js").write_text("")
    files = [{"to": "edited.js", "sha256": "0" * 64}, {"to": "missing.js", "sha256": "0" * 64}]
    assert vendor.problems({"packages": [{"files": files}]}) == [
        "extra.js: not in the manifest",
        "missing.js: missing",
        "edited.js: sha256 differs from the manifest",
    ]


def test_a_tarball_of_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "thing" / "-").mkdir(parents=True)
    (tmp_path / "thing" / "-" / "thing-1.0.0.tgz").write_bytes(b"other bytes")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", tmp_path.as_uri())
    with pytest.raises(vendor.Mismatch):
        vendor.tarball({"name": "thing", "version": "1.0.0", "integrity": vendor.integrity(b"these bytes")})


def test_each_package_brings_its_licence() -> None:
    for package in json.loads(vendor.MANIFEST.read_text())["packages"]:
        assert any("LICENSE" in entry["to"] for entry in package["files"]), package["name"]


def test_each_vendored_icon_is_used() -> None:
    text = "".join(
        path.read_text() for path in [*TEMPLATES, *ROOT.glob("*/*.py"), *ROOT.glob("lorapipe/*/*.py")]
    )
    icons = {path.stem for path in (STATIC / "vendor" / "lucide").glob("*.svg")}
    assert {name for name in icons if f'"{name}"' not in text} == set()


def test_templates_speak_htmx_4() -> None:
    """The checker that htmx 4 ships finds idioms of htmx 2 (attribute inheritance, old events)."""
    checker = STATIC / "vendor" / "htmx" / "upgrade-check.py"
    paths = [*map(str, TEMPLATES), str(STATIC / "app.js")]
    found = subprocess.run(
        [sys.executable, checker, "--no-color", "--ext", ".js", *paths], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_templates_hold_no_inline_script_style_or_unescaped_text() -> None:
    """The content policy would refuse the first two; `|safe` and `autoescape off` would trust what a model wrote."""
    forbidden = re.compile(
        r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|\|safe\b|autoescape off|hx-on|javascript:", re.I
    )
    for path in TEMPLATES:
        assert forbidden.findall(path.read_text()) == [], path


def test_pages_ask_nobody_else_for_anything() -> None:
    for path in [*TEMPLATES, STATIC / "app.js", *STATIC.glob("*.css")]:
        addresses = set(re.findall(r"https?://[^\s\"')>]+", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path
