"""Who may reach what: every URL and method is walked, and the exceptions are these few.

Anonymous: the sign-in page, or 401. Somebody else's row: answered exactly like a row that is not there.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.access.urls import every_url
from tests.access.walking import (
    MARK,
    METHODS,
    OPEN,
    ROWS,
    Belongings,
    admin_urls,
    pair,
    places,
    product_urls,
    same,
    send,
)
from tests.factories import make_conversation, make_token, make_user, make_workspace
from workspaces.admin_base import LoraModelAdmin
from workspaces.models import AuditEntry, User, WorkspaceQuerySet
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db


def test_anonymous_is_sent_to_sign_in_everywhere(theirs: Belongings) -> None:
    nowhere = {name: str(uuid4()) for name in ROWS}
    before = theirs.state()
    nobody = Client()  # one for all: each new one builds its middleware again
    for url in every_url():
        if url.name in OPEN or url.name == "admin:login":
            continue
        methods = METHODS[:2] if url.name.startswith("admin:") else METHODS
        paths = {url.path(places(url, filled)) for filled in ({**nowhere, **theirs.by_place}, nowhere)}
        for path in paths:
            answers = {method: send(nobody, method, path) for method in methods}
            assert not nobody.cookies, f"{path}: a stranger has been given a cookie"
            assert [reason for each in answers.items() if (reason := not_shut(path, *each))] == []
            assert {each.status_code for each in answers.values()} != {405}, path
    assert theirs.state() == before


def not_shut(path: str, method: str, response: HttpResponse) -> str:
    """Empty for an answer that keeps a stranger out. A method that a page never takes may be 405 at once."""
    if path.startswith("/api/") and path != reverse("api_docs"):  # which is a page
        good = response.status_code == 401 and json.loads(response.content)["success"] is False
    elif path == reverse("metrics"):  # read by a program, which follows no way to a sign-in
        good = response.status_code in (401, 405)
    elif response.status_code == 302:
        good = response["Location"].partition("?")[0] in ways_in(path)
    else:
        good = response.status_code == 405
    return "" if good else f"{method} {path}: {response.status_code} {response.get('Location', '')}"


def ways_in(path: str) -> tuple[str, ...]:
    """Signing out of the admin leads to its index, which asks who one is."""
    ways = (reverse("sign_in"), reverse("admin:login"))
    return (*ways, reverse("admin:index")) if path == reverse("admin:logout") else ways


def test_the_admins_login_is_the_products() -> None:
    response = Client().get(reverse("admin:login"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("sign_in"))


def test_what_is_open_tells_nothing(theirs: Belongings) -> None:
    for url in every_url():
        if url.name in OPEN:
            response = send(Client(), "GET", url.path(places(url, {})))
            assert MARK not in response.content.decode(), url.form


def test_the_list_of_open_urls_is_not_longer_than_needed() -> None:
    assert {url.name for url in every_url()} >= OPEN


# --- somebody else's rows --------------------------------------------------------------------------------


def test_somebody_elses_row_answers_like_one_that_is_not_there(theirs: Belongings, stranger: Client) -> None:
    before, walked = theirs.state(), 0
    for url in product_urls():
        if not set(url.parameters) & set(ROWS):
            continue
        walked += 1
        for method in METHODS:
            hidden, missing = pair(stranger, method, url, theirs)
            assert hidden.status_code in (404, 405), f"{method} {url.form}: {hidden.status_code}"
            assert same(hidden, missing, theirs), f"{method} {url.form}"
    assert walked >= 8
    assert theirs.state() == before


def test_a_token_opens_no_more_than_a_session(theirs: Belongings) -> None:
    client = Client(headers={"authorization": f"Bearer {make_token(user=make_user())}"})
    before = theirs.state()
    for url in product_urls():
        if url.form.startswith("/api/") and set(url.parameters) & set(ROWS):
            for method in METHODS:
                hidden, missing = pair(client, method, url, theirs)
                assert hidden.status_code in (404, 405), f"{method} {url.form}"
                assert same(hidden, missing, theirs)
    assert theirs.state() == before


def test_a_bound_token_opens_no_other_workspace_of_its_person(theirs: Belongings) -> None:
    """A's own rows answer to a token of A that is bound to another workspace as if they were not there."""
    other = make_workspace(owner=theirs.user)
    text = make_token(user=theirs.user, workspace=other)
    client = Client(headers={"authorization": f"Bearer {text}"})
    before = theirs.state()
    for url in product_urls():
        if not url.form.startswith("/api/"):
            continue
        if set(url.parameters) & set(ROWS):
            for method in METHODS:
                hidden, missing = pair(client, method, url, theirs)
                assert hidden.status_code in (404, 405), f"{method} {url.form}"
                assert same(hidden, missing, theirs)
        else:
            content = client.get(url.path(places(url, {})) + "?limit=200").content.decode()
            # The audit log of the other workspace tells that this person made the token.
            assert f"{MARK}-" not in content.replace(theirs.user.username, ""), url.form
    assert theirs.state() == before


def test_no_page_without_an_id_shows_somebody_elses_rows(theirs: Belongings, stranger: Client) -> None:
    filters = (
        "",
        f"?batch={theirs.job.pk}",
        f"?q={MARK}&search={MARK}",
        "?status=active&limit=200&per=200",
    )
    for url in product_urls():
        if set(url.parameters) & set(ROWS) or url.name in OPEN:
            continue
        for query in filters:
            answer: Any = stranger.get(url.path(places(url, {})) + query)
            content = (answer.getvalue() if answer.streaming else answer.content).decode()
            assert f"{MARK}-" not in content.replace(f"?q={MARK}", ""), f"{url.form}{query}"
            assert str(theirs.conversation.pk) not in content, f"{url.form}{query}"


# --- row level security alone ----------------------------------------------------------------------------


@pytest.fixture
def unscoped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries forget whose rows they may show: what is hidden now is hidden by row level security."""
    monkeypatch.setattr(WorkspaceQuerySet, "_with_role", lambda rows, user, roles: rows)
    monkeypatch.setattr(LoraModelAdmin, "of_workspaces", lambda admin, rows, request: rows)


@pytest.mark.usefixtures("unscoped")
def test_without_scoped_queries_the_database_hides_somebody_elses_rows(
    theirs: Belongings, stranger: Client
) -> None:
    make_conversation(by=User.objects.get(pk=stranger.session["_auth_user_id"]), title="OWN-TITLE")
    listed = 0
    for url in product_urls():
        if set(url.parameters) & set(ROWS) or url.name in OPEN:
            continue
        for query in ("", f"?q={MARK}&search={MARK}"):
            answer: Any = stranger.get(url.path(places(url, {})) + query)
            content = (answer.getvalue() if answer.streaming else answer.content).decode()
            assert f"{MARK}-" not in content.replace(f"?q={MARK}", ""), f"{url.form}{query}"
            assert str(theirs.conversation.pk) not in content, f"{url.form}{query}"
            listed += "OWN-TITLE" in content
    assert listed, "the walk shows no row at all"


@pytest.mark.usefixtures("unscoped")
def test_without_scoped_queries_somebody_elses_row_is_not_there(theirs: Belongings, stranger: Client) -> None:
    before = theirs.state()
    for url in product_urls():
        if set(url.parameters) & set(ROWS):
            for method in METHODS[:2]:
                hidden, missing = pair(stranger, method, url, theirs)
                assert hidden.status_code in (404, 405), f"{method} {url.form}: {hidden.status_code}"
                assert same(hidden, missing, theirs), f"{method} {url.form}"
    assert theirs.state() == before


@pytest.mark.usefixtures("unscoped")
def test_without_scoped_queries_staff_see_no_foreign_row(theirs: Belongings) -> None:
    test_staff_with_every_permission_see_no_foreign_row(theirs)


# --- the admin -------------------------------------------------------------------------------------------


def test_who_is_no_staff_stays_out_of_the_admin(theirs: Belongings, stranger: Client) -> None:
    for url in admin_urls():
        filled = {**dict.fromkeys(ROWS, str(uuid4())), **theirs.by_place}
        for method in METHODS[:2]:
            response = send(stranger, method, url.path(places(url, filled)))
            if url.name == "admin:login":
                assert response.status_code == 403
            else:
                assert response.status_code == 302, f"{method} {url.form}"
                assert response["Location"].partition("?")[0] in ways_in(url.form)


def test_staff_with_every_permission_see_no_foreign_row(theirs: Belongings) -> None:
    staff = make_user(staff=True)
    staff.user_permissions.set(Permission.objects.exclude(codename__contains="user"))
    client = Client()
    client.force_login(staff)
    for model, key in admin_rows(theirs):
        base = f"/admin/{model}/"
        assert f"{MARK}-" not in client.get(base).content.decode(), base
        for page in ("change", "delete", "history"):
            hidden, missing = client.get(f"{base}{key}/{page}/"), client.get(f"{base}{uuid4()}/{page}/")
            assert hidden.status_code == missing.status_code, f"{base}{page}"
            assert f"{MARK}-" not in hidden.content.decode(), f"{base}{page}"


def admin_rows(theirs: Belongings) -> Iterator[tuple[str, Any]]:
    item = theirs.job.items.all()[0]
    yield "batches/batchjob", theirs.job.pk
    yield "batches/batchitem", item.pk
    yield "batches/generationlog", item.logs.all()[0].pk
    yield "conversations/conversation", theirs.conversation.pk
    yield "conversations/turn", theirs.conversation.turns.all()[0].pk
    yield "templates_app/prompttemplate", item.template_version.template_id
    yield "templates_app/templateversion", item.template_version_id
    for row in theirs.rows:
        yield f"templates_app/{type(row).__name__.lower()}", row.pk
    yield "background/backgroundjob", theirs.by_place["background_id"]
    yield "templates_app/importfile", theirs.by_place["import_id"]
    yield "exports/importedfile", theirs.by_place["file_id"]
    yield "exports/export", theirs.by_place["export_id"]
    entry = AuditEntry.objects.create(
        workspace=theirs.job.workspace,
        who=theirs.user,
        who_name=theirs.user.username,
        action=Action.PAUSE,
        target_kind=TargetKind.BATCH,
        target_name=theirs.job.name,
    )
    yield "workspaces/auditentry", entry.pk
    yield "workspaces/workspace", theirs.job.workspace_id
