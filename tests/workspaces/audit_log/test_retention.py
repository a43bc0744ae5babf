"""Old entries go only by the owner of the table, in the transaction that says so."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from stack.variables.observing import Observing
from workspaces.audit_log import retention
from workspaces.audit_log.retention import remove_old_entries
from workspaces.models import AuditEntry
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db


def make_entries(*, days_old: int, number: int = 1) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            who_name="x",
            action=Action.PAUSE,
            target_kind=TargetKind.BATCH,
            created_at=timezone.now() - timedelta(days=days_old),
        )
        for _ in range(number)
    )


def test_older_entries_go_and_the_removal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    make_entries(days_old=91, number=5)
    make_entries(days_old=89)
    assert remove_old_entries(days=90) == 5
    told, kept = AuditEntry.objects.all()
    assert (kept.action, told.action, told.after["entries"]) == (Action.PAUSE, Action.REMOVE_OLD, 5)
    assert remove_old_entries(days=90) == 0
    assert AuditEntry.objects.count() == 2


def test_without_a_number_of_days_all_are_kept() -> None:
    make_entries(days_old=30_000)
    call_command("remove_old_audit_entries")
    assert AuditEntry.objects.count() == 1


def test_the_command_takes_the_days_of_the_settings(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    object.__setattr__(settings.ENVIRONMENT, "observing", Observing(audit_days=10))
    try:
        make_entries(days_old=11)
        call_command("remove_old_audit_entries")
    finally:
        object.__setattr__(settings.ENVIRONMENT, "observing", Observing())
    assert "1 entries older than 10 days" in capsys.readouterr().out
