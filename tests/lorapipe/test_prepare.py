"""`manage.py prepare`: what it does about migrations, at every start."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.recorder import MigrationRecorder

from lorapipe.management.commands import prepare

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of Django that were called."""
    found: list[str] = []

    def call(name: str, **_: Any) -> None:
        found.append(name)

    monkeypatch.setattr(prepare, "call_command", call)
    return found


def test_a_missing_migration_is_applied(called: list[str]) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    prepare.migrate()
    assert called == ["migrate"]


def test_one_that_is_missing_before_others_is_told(called: list[str]) -> None:
    """As in a database that was restored in part: nobody knows what to do with it."""
    MigrationRecorder(connection).record_unapplied("batches", "0003_triggers")
    with pytest.raises(InconsistentMigrationHistory, match=r"batches\.0003_triggers"):
        prepare.migrate()
    assert called == []


def test_a_missing_permission_comes_back_without_a_migration(called: list[str]) -> None:
    """As after a start that was killed between the two."""
    missing = Permission.objects.filter(codename="view_batchjob")
    assert missing.delete()[0]
    prepare.migrate()
    assert missing.exists()
    assert called == []
