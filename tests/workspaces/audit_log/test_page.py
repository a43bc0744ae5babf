"""The page of the audit log, its filters and its file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import make_member, make_user, make_workspace
from workspaces.audit_log.search import PER_PAGE, AuditFilter, fetch_older, iter_all
from workspaces.models import AuditEntry, Membership, User, Workspace
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db
PAGE, FILE = "/settings/audit/", "/settings/audit/download/"


@pytest.fixture
def home(owner: User) -> Workspace:
    return owner.personal_workspace()


def make_entry(workspace: Workspace, **fields: Any) -> AuditEntry:
    given = {
        "who_name": "maria@example.org",
        "action": Action.PAUSE,
        "target_kind": TargetKind.BATCH,
        **fields,
    }
    return AuditEntry.objects.create(workspace=workspace, **given)


def read_file(answer: Any) -> list[dict[str, str]]:
    assert isinstance(answer, StreamingHttpResponse)
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_an_entry_says_who_did_what_and_where_from(signed_in: Client, home: Workspace) -> None:
    make_entry(home, target_name="<b>Rent</b>", channel="api", token_name="nightly", address="203.0.113.9")
    make_entry(make_workspace(), target_name="Foreign")
    page = signed_in.get(PAGE).text
    assert "Paused batch “&lt;b&gt;Rent&lt;/b&gt;”" in page
    assert "API token “nightly”, 203.0.113.9" in page
    assert "maria@example.org" in page
    assert "Foreign" not in page


@pytest.mark.parametrize("role", [Membership.Role.EDITOR, Membership.Role.REVIEWER, Membership.Role.VIEWER])
def test_only_owners_see_it(role: Membership.Role, signed_in: Client, owner: User) -> None:
    shared, owned = make_workspace(owner=make_user()), make_workspace(name="Owned", owner=owner)
    make_member(workspace=shared, user=owner, role=role)
    for path in (PAGE, FILE):
        assert signed_in.get(path, {"workspace": str(shared.pk)}).status_code == 403
        assert signed_in.get(path, {"workspace": str(make_workspace().pk)}).status_code == 404
    page = signed_in.get(PAGE).text
    assert str(owned.pk) in page
    assert f"?workspace={shared.pk}" not in page, "a link that is answered 403"


def test_each_filter_narrows(home: Workspace) -> None:
    key = uuid4()
    found = make_entry(home, target_id=key, target_name="Rent 2026")
    make_entry(home, who_name="otto")
    make_entry(home, action=Action.RESUME)
    make_entry(home, target_kind=TargetKind.TEMPLATE)
    today = datetime.now(UTC).date()
    day, week = today + timedelta(days=1), today - timedelta(days=7)
    for query in (
        {"who": "MARIA", "action": "pause", "kind": "batch"},
        {"target": "rent"},
        {"target": str(key)},
        {"target": "Rent", "since": str(week), "until": str(day)},
    ):
        assert list(AuditFilter(query).find(home)) == [found]
    assert not AuditFilter({"since": str(day)}).find(home)
    assert not AuditFilter({"until": str(week)}).find(home)


def test_a_filter_that_cannot_be_read_is_named(signed_in: Client, home: Workspace) -> None:
    make_entry(home, target_name="Rent")
    page = signed_in.get(PAGE, {"since": "yesterday", "who": "maria"}).text
    assert "1 problem to fix" in page
    assert "Rent" in page
    answer = signed_in.get(FILE, {"since": "yesterday"}, follow=True)
    assert "cannot be read" in answer.content.decode()


def test_pages_follow_each_other_without_gaps(signed_in: Client, home: Workspace) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=home,
            who_name="x",
            action=Action.PAUSE,
            target_kind=TargetKind.BATCH,
            target_name=f"b {n}",
        )
        for n in range(2 * PER_PAGE + 5)
    )
    rows, seen = AuditFilter({}).find(home), list[int]()
    part = fetch_older(rows, than=None, at_most=PER_PAGE)
    while part:
        seen += [entry.pk for entry in part]
        part = fetch_older(rows, than=part[-1].pk, at_most=PER_PAGE)
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 2 * PER_PAGE + 5
    first = signed_in.get(PAGE)
    assert f"before={seen[PER_PAGE - 1]}" in first.text
    last = signed_in.get(PAGE, {"before": seen[2 * PER_PAGE - 1]}).text
    assert last.count("<tr data-row>") == 5
    assert ">Older<" not in last
    assert signed_in.get(PAGE, {"before": "9" * 40}).status_code == 200


def test_the_file_has_every_entry_and_no_formula(signed_in: Client, home: Workspace, owner: User) -> None:
    made = make_entry(
        home, target_name="=1+1", before={"budget_usd": "1"}, after={"budget_usd": "2"}, target_id=uuid4()
    )
    newest, row = read_file(signed_in.get(FILE))
    assert row["target"] == "'=1+1"
    assert (row["who"], row["action"], row["before"]) == ("maria@example.org", "pause", '{"budget_usd": "1"}')
    assert UUID(row["target_id"]) == made.target_id
    assert (newest["action"], newest["kind"]) == ("download", "audit_log"), "the download is recorded too"
    assert len(read_file(signed_in.get(FILE, {"action": "pause"}))) == 1


def test_a_long_log_is_read_in_parts(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workspaces.audit_log.search.PER_READ", 2)
    keys = [make_entry(home).pk for _ in range(5)]
    parts = list(iter_all(AuditFilter({}).find(home)))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert sorted(entry.pk for part in parts for entry in part) == keys


def test_a_long_log_takes_few_queries_and_an_index(signed_in: Client, home: Workspace, owner: User) -> None:
    other = make_workspace()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=other if number % 50 else home,
            who_name="x",
            action=Action.RESUME if number % 100 else Action.PAUSE,
            target_kind=TargetKind.BATCH,
        )
        for number in range(6000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_log")
    with CaptureQueriesContext(connection) as queries:
        assert signed_in.get(PAGE).status_code == 200
    # Session, person, workspaces and roles, the numbers of the menu and of the strip, and one for the entries.
    assert len(queries) <= 16
    assert "audit_newest" in AuditFilter({}).find(home)[:PER_PAGE].explain()
    assert "audit_of_action" in AuditFilter({"action": "pause"}).find(other)[:PER_PAGE].explain()
