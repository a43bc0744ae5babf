"""The product's invariants as one PL/pgSQL function: it is planned once and called thousands of times."""

from django.conf import settings
from django.db import connection

from batches.engine.invariants import PARTS, RULES

END = ") broken (row, found, expected)"


def make_quick_rules() -> None:
    """CREATE FUNCTION quick_rules(), which returns one line for each violation. The test's transaction rolls it back."""
    body = "\n".join(_asked(rule.name, rule.says, rule.query) for rule in RULES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION quick_rules() RETURNS SETOF text LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$"
        )


def broken_rules() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quick_rules()")
        return [row[0] for row in cursor.fetchall()]


def _asked(name: str, says: str, query: str) -> str:
    head = PARTS.replace("SELECT row::text, found::text, expected::text, count(*) OVER () FROM (", "")
    said = f"{name} {says}: ".replace("'", "''")
    asked = f"{head} SELECT '{said}' || broken.row || ': is ' || broken.found || ', should be ' || broken.expected FROM ({query}{END};"
    values = {
        "%(jobs)s": "NULL",
        "%(months_from)s": "NULL",
        "%(after)s": str(settings.ENGINE_REAP_AFTER_DEADLINE_S),
        "%(grace)s": str(settings.ENGINE_START_GRACE_S),
        "%(swept)s": "0",  # nobody but the test runs: what a cancel leaves is swept before the rules are asked
        "%%": "%",
    }
    for old, new in values.items():
        asked = asked.replace(old, new)
    return f"RETURN QUERY {asked}"
