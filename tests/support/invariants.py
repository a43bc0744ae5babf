"""Asserts the product's own invariants (batches/engine/invariants.py), and invariant I11 by the simulator's ledger."""

from typing import Any

from django.db import connection

from batches.engine.invariants import one_snapshot, violations
from batches.models import Repair


def assert_invariants() -> None:
    """In one snapshot, all invariants hold and nothing had to be repaired: the reconciler must not hide a defect of the engine."""
    with one_snapshot():
        assert_no_violations()


def assert_no_violations() -> None:
    """The same, inside the transaction of a test."""
    found = [str(each) for each in violations()]
    found += [f"repaired: {repair}" for repair in Repair.objects.all()]
    assert not found, found


def assert_billed_is_logged(ledger: list[dict[str, Any]]) -> None:
    """I11: every call that the provider billed is logged, joined by our own id of each call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM generation_logs")
        logged = {row[0] for row in cursor.fetchall()}
    unknown = [entry for entry in ledger if entry["billed"] and entry["client_request_id"] not in logged]
    assert not unknown, unknown[:3]
