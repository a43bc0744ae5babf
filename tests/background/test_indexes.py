"""Every index of the table is used by a query of the product: shown by the plan that PostgreSQL makes for it."""

import pytest
from django.db import connection

from background.models import UNNOTICED, BackgroundJob
from background.running import HAS_DUE
from tests.factories import make_user, make_workspace
from tests.support.web_role import web_role
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(owner: User) -> User:
    """Two thousand jobs that have ended, of two workspaces."""
    places = (owner.personal_workspace(), make_workspace(owner=make_user()))
    BackgroundJob.objects.bulk_create(
        BackgroundJob(workspace=place, kind="rescore", name="Score again", status="completed")
        for place in places
        for _ in range(1000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE background_jobs")
    return owner


def test_what_is_due_is_found_without_reading_what_has_ended(ended: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {HAS_DUE}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "background_open" in plan


def test_ends_that_nobody_was_told_of(ended: User) -> None:
    BackgroundJob.objects.update(noticed=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE background_jobs")
    assert "background_unnoticed" in BackgroundJob.objects.filter(UNNOTICED).order_by("pk")[:50].explain()


def test_the_list(ended: User) -> None:
    rows = BackgroundJob.objects.visible_to(ended).order_by("-created_at", "-id")
    with web_role():  # as the page asks, behind the policy
        assert "background_newest" in rows.values_list("pk")[:50].explain()
