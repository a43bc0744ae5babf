"""Which statements are slow: without values, counted together, bounded in number."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from lorapipe.operation import slow_statements
from lorapipe.operation.models import SlowStatement
from lorapipe.operation.slow_statements import LONGEST_STATEMENT, Collector, normalise
from tests.factories import make_user


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT  1\n  FROM a", "SELECT ? FROM a"),
        ("SELECT 'it''s secret', 1.5 FROM a -- why", "SELECT ?, ? FROM a"),
        ("SELECT a FROM t1 WHERE b IN (%s, %s, %s)", "SELECT a FROM t1 WHERE b IN (...)"),
        ("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "INSERT INTO t VALUES (...), (...)"),
        ('SAVEPOINT "s140_x7"', "SAVEPOINT savepoint"),
        ("SELECT /* a\nb */ %(id)s", "SELECT %(id)s"),
        ('SELECT "a1"."b2" FROM "a1"', 'SELECT "a1"."b2" FROM "a1"'),
    ],
)
def test_a_statement_is_kept_without_its_values(statement: str, expected: str) -> None:
    assert normalise(statement) == expected


def test_a_long_statement_is_cut() -> None:
    assert len(normalise("SELECT " + "a, " * 100_000)) == LONGEST_STATEMENT


@pytest.mark.django_db
def test_slow_ones_are_counted_together_and_quick_ones_not() -> None:
    collector = Collector(threshold_ms=0, store_after_s=None)
    with connection.execute_wrapper(collector.time), connection.cursor() as cursor:
        for number in (1, 2):
            cursor.execute("SELECT %s::int, 'a secret'", [number])
    assert [seen.calls for seen in collector.take().values()] == [2]
    quick = Collector(threshold_ms=1e9, store_after_s=None)
    with connection.execute_wrapper(quick.time), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert quick.take() == {}


@pytest.mark.django_db
def test_a_statement_that_fails_is_timed_too() -> None:
    def fail(*_: Any) -> None:
        raise ValueError("canceling statement due to statement timeout")

    collector = Collector(threshold_ms=0, store_after_s=None)
    with pytest.raises(ValueError, match="timeout"):
        collector.time(fail, "SELECT pg_sleep(9)", None, False, {})
    assert list(collector.take()) == ["SELECT pg_sleep(?)"]


@pytest.mark.django_db
def test_what_was_seen_is_added_to_the_table_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(threshold_ms=0, store_after_s=None)
    for took_ms in (700.0, 900.0):
        collector.add("SELECT 'a secret' FROM a", took_ms)
        collector.store()
    collector.add("SELECT 'another secret' FROM a", 100.0)
    collector.store()
    row = SlowStatement.objects.get()
    assert (row.statement, row.calls, row.total_ms, row.longest_ms) == ("SELECT ? FROM a", 3, 1700.0, 900.0)
    assert "Slow statement, 1 times, 900 ms at most: SELECT ? FROM a" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.django_db
def test_memory_and_table_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_statements, "MOST_IN_MEMORY", 3)
    monkeypatch.setattr(slow_statements, "MOST_STORED", 2)
    collector = Collector(threshold_ms=0, store_after_s=None)
    for name in "abcde":
        collector.add(f"SELECT {name}", 1.0)
    collector.store()
    assert SlowStatement.objects.count() == 2


@pytest.mark.django_db
def test_the_admin_shows_them_and_superusers_begin_anew(client: Client) -> None:
    Collector(threshold_ms=0, store_after_s=None)
    made = SlowStatement.objects.create(
        fingerprint="f",
        process="web",
        statement="SELECT a",
        calls=2,
        total_ms=3000,
        longest_ms=2000,
        last_at="2026-01-01T00:00Z",
    )
    client.force_login(make_user(superuser=True))
    page = client.get("/admin/operation/slowstatement/").text
    assert "SELECT a" in page
    assert "3.0 s" in page
    chosen = {"action": "delete_selected", "_selected_action": [str(made.pk)], "post": "yes"}
    client.post("/admin/operation/slowstatement/", chosen)
    assert not SlowStatement.objects.exists()
