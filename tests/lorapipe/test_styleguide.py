"""The style guide shows every piece that pages share, so that a change of one can be seen in all its states."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import escape

from batches.models.states import ItemStatus, JobStatus
from conversations.quality.flags import KINDS
from conversations.states import Status
from lorapipe.styleguide.examples import SECTIONS
from lorapipe.templatetags.ui import BADGES, ICONS
from templates_app.states import Tier
from tests.factories import make_user

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
PIECES = ROOT / "lorapipe" / "templates" / "ui"
# Each with the reason why it is not on the page.
ABSENT = {
    "ui/poll.html": "has no appearance, and would ask for a page that is not there",
    "ui/shell_oob.html": "brings pieces of this page again after a poll",
    "ui/navigation_oob.html": "brings pieces of this page again after a poll",
    "ui/toasts_oob.html": "brings toasts after a request of htmx",
    "ui/ways_out.html": "has the id of the search field above; every address that leads nowhere shows it",
    "ui/settings_link.html": "is part of the navigation of the settings",
    "ui/settings_navigation.html": "is the navigation of the settings, and marks the open one",
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_every_piece_is_on_the_page(client: Client) -> None:
    drawn = {each.name for each in client.get("/styleguide/").templates}
    pieces = {f"ui/{each.name}" for each in PIECES.glob("*.html")}
    assert pieces - drawn == ABSENT.keys()


def test_every_status_flag_and_icon_is_on_the_page(client: Client) -> None:
    text = client.get("/styleguide/").content.decode()
    for status in (*Status.values, *JobStatus.values, *ItemStatus.values):
        assert f"</svg>{BADGES[status].word}</span>" in text, status
    for kind in KINDS.values():
        assert escape(kind.explanation) in text
    for tier in Tier.values:
        assert f">{Tier(tier).label}</span>" in text
    for icon in ICONS.glob("*.svg"):
        assert f"</svg> {icon.stem}</li>" in text


def test_each_section_names_files_that_exist(client: Client) -> None:
    for section in SECTIONS:
        for name in re.findall(r"[\w/]+\.(?:py|html)", section.where):
            found = list(ROOT.glob(f"*/**/{name}"))
            assert found or (ROOT / name).exists(), name


def test_it_asks_nothing_of_its_own(client: Client, django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(6):  # type: ignore[operator]  # the session, the person, and the menu
        client.get("/styleguide/")


def test_strangers_are_sent_to_sign_in() -> None:
    assert Client().get("/styleguide/").status_code == 302
