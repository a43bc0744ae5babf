"""The walk as a viewer of A's workspace, who may look and change nothing, and over every fragment of a page as somebody else."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client

from tests.access.walking import MARK, METHODS, OPEN, ROWS, Belongings, places, product_urls, send
from tests.factories import make_member, make_user
from workspaces.models import Membership

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]
ROOT = Path(__file__).parents[2]
# What is a viewer's own affair, or only computes: it is not refused, and leaves A's rows as they are.
OWN = {
    *(
        "settings_workspaces",
        "settings_workspace_choose",
        "settings_tokens",
        "settings_password",
        "settings_account",
    ),
    "shell",
}


@pytest.fixture
def viewer(theirs: Belongings) -> Client:
    home = theirs.user.personal_workspace()
    member = make_member(workspace=home, user=make_user(username="viewer"), role=Membership.Role.VIEWER)
    client = Client()
    client.force_login(member.user)
    return client


def list_targets() -> list[str]:
    """The ids of the parts of pages that views render by themselves, from the sources."""
    sources = (path for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts)
    asked = re.compile(r'is_target\(request, "([\w-]+)"\)')
    return sorted({name for path in sources for name in asked.findall(path.read_text())})


def test_a_viewer_changes_nothing(theirs: Belongings, viewer: Client) -> None:
    before, refused = theirs.state(), 0
    home = str(theirs.user.personal_workspace().pk)
    filled = {**dict.fromkeys(ROWS, str(uuid4())), **theirs.by_place}
    wrong = []
    for url in product_urls():
        if url.name in OWN | OPEN:
            continue
        for method in METHODS[1:]:
            answer = send(viewer, method, f"{url.path(places(url, filled))}?workspace={home}")
            refused += answer.status_code == 403
            if answer.status_code >= 500 or answer.status_code in (201, 202):
                wrong.append(f"{method} {url.form}: {answer.status_code}")
        assert theirs.state() == before, url.form
    assert not wrong, "\n".join(wrong)
    assert refused > 60


def test_no_fragment_shows_somebody_elses_rows(theirs: Belongings, stranger: Client) -> None:
    targets = list_targets()
    assert {"table", "live", "dialog-body"} <= set(targets)
    filled = {**dict.fromkeys(ROWS, str(uuid4())), **theirs.by_place}
    for url in product_urls():
        if url.name in OPEN or url.form.startswith("/api/"):
            continue
        of_a_row = bool(set(url.parameters) & set(ROWS))
        for target in targets:
            headers = {"HX-Request": "true", "HX-Target": f"div#{target}"}
            answer = stranger.get(f"{url.path(places(url, filled))}?q={MARK}", headers=headers)
            content = b"".join(answer) if answer.streaming else answer.content
            shown = content.decode().replace(f"?q={MARK}", "")
            assert f"{MARK}-" not in shown, f"{url.form} as {target}"
            assert not of_a_row or answer.status_code in (404, 405), f"{url.form} as {target}"
