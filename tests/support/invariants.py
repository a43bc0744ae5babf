"""What must hold at every moment, asked by the product's own rules (batches/engine/invariants.py), and I11 by the ledger."""

from typing import Any

from django.db import connection

from batches.engine.invariants import one_snapshot, violations
from batches.models import Repair


def assert_invariants() -> None:
    """One consistent look, and nothing had to be repaired: the reconciler must not hide what the engine does wrong."""
    with one_snapshot():
        assert_no_violations()


def assert_no_violations() -> None:
    """The same within a test's own transaction."""
    found = [str(each) for each in violations()]
    found += [f"repaired: {repair}" for repair in Repair.objects.all()]
    assert not found, found


def assert_billed_is_logged(ledger: list[dict[str, Any]]) -> None:
    """I11: what the provider billed is a subset of what is logged, joined by our own id of each call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM generation_logs")
        logged = {row[0] for row in cursor.fetchall()}
    unknown = [entry for entry in ledger if entry["billed"] and entry["client_request_id"] not in logged]
    assert not unknown, unknown[:3]
