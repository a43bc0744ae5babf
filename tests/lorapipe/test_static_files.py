"""The static files: collected once, compressed, kept by browsers for good, and light."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from lorapipe.static_files import collect_if_changed
from workspaces.models import User

MOST_BYTES = 65_000  # of a first load, the font apart
LINKED = re.compile(r'(?:href|src)="(/static/[^"]+)"')
FONT = ".woff2"


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collected files, made once for this module."""
    folder = tmp_path_factory.mktemp("static")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "STATIC_ROOT", folder)
        patch.setattr(django_settings, "STATIC_MARK", folder / ".collected")
        assert collect_if_changed()
        assert not collect_if_changed(), "nothing has changed"
    return folder


@pytest.fixture
def visitor(collected: Path, settings: Any, owner: User, starter_pack: None) -> Client:
    """The owner, on the pages as `./run` serves them."""
    settings.STATIC_ROOT = collected
    settings.WHITENOISE_USE_FINDERS = False
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "lorapipe.static_files.StaticStorage"},
    }
    browser = Client()
    browser.force_login(owner)
    return browser


def fetch(visitor: Client, path: str, encoding: str) -> tuple[Any, int]:
    answer = visitor.get(path, headers={"accept-encoding": encoding})
    assert answer.status_code == 200, path
    return answer, sum(map(len, answer)) if answer.streaming else len(answer.content)


@pytest.mark.parametrize(("encoding", "names"), [("gzip, deflate, br", "br"), ("gzip", "gzip")])
def test_a_first_load_is_light(visitor: Client, encoding: str, names: str) -> None:
    _, weight = fetch(visitor, "/", encoding)
    linked = sorted(set(LINKED.findall(visitor.get("/").text)))
    assert len(linked) >= 9
    total = weight
    for path in linked:
        answer, size = fetch(visitor, path, encoding)
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", path), f"{path} has no hash in its name"
        assert "immutable" in answer["Cache-Control"], path
        if not path.endswith(FONT):
            total += size
            assert size < 1000 or answer["Content-Encoding"] == names, path
    assert total <= MOST_BYTES, f"{total:,} bytes, of which the page has {weight:,}"


def test_what_nobody_loads_is_not_collected(collected: Path) -> None:
    assert not (collected / "rest_framework").exists()
    assert not list(collected.rglob("*.py"))


def test_our_own_files_have_both_encodings(collected: Path) -> None:
    hashed = [each for each in collected.glob("app.*.css") if each.name.count(".") == 2]
    assert hashed
    for each in hashed:
        assert each.with_name(f"{each.name}.gz").exists()
        assert each.with_name(f"{each.name}.br").exists()
