"""Each person has one personal workspace, made with the person and found by a unique column."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from tests.factories import make_user, make_workspace
from workspaces.models import Membership, User, Workspace


@pytest.mark.django_db
def test_it_is_made_with_the_person_however_the_person_is_made() -> None:
    User.objects.create_user("one")
    User.objects.create_superuser("two")
    call_command("createsuperuser", interactive=False, username="three", email="three@example.org")
    User(username="four").save()
    for user in User.objects.all():
        workspace = user.personal_workspace()
        assert workspace.personal_of == user
        assert Membership.objects.get(workspace=workspace).role == Membership.Role.OWNER


@pytest.mark.django_db
def test_a_person_has_one_and_no_more(owner: User) -> None:
    with pytest.raises(IntegrityError):
        Workspace.objects.create(name="another", personal_of=owner)


@pytest.mark.django_db
def test_nobody_works_in_it_who_no_longer_owns_it(owner: User) -> None:
    Membership.objects.filter(user=owner).delete()
    with pytest.raises(PermissionDenied, match="no longer owns"):
        owner.personal_workspace()


@pytest.mark.django_db
def test_a_shared_workspace_is_nobodys_own(owner: User) -> None:
    make_workspace(owner=owner)
    assert owner.personal_workspace().personal_of == owner


def visit(user: User) -> int:
    try:
        client = Client()
        client.force_login(user)
        return client.get("/batches/").status_code
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_fifty_first_visits_at_once_find_one_workspace() -> None:
    """Eight at once made up to eight, each with a month's budget of its own."""
    user = make_user()
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(visit, [user] * 50)) == {200}
    assert Workspace.objects.count() == 1
    assert Membership.objects.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_several_personal_ones_the_oldest_stays_and_the_others_become_ordinary() -> None:
    """As they were made by first visits that came at the same moment."""
    user, other = make_user(username="twice"), make_user(username="none")
    oldest = user.personal_workspace()
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    migrate([("workspaces", "0006_audit_log")])
    try:
        with connection.cursor() as cursor:
            cursor.execute(DOUBLE, {"user": user.pk})
            cursor.execute("DELETE FROM workspaces_membership WHERE user_id = %s", [other.pk])
    finally:
        migrate(newest)  # what other apps had taken back for it comes again, too
    assert user.personal_workspace() == oldest
    assert Membership.objects.filter(user=user).count() == 2
    assert other.personal_workspace().name == "none's workspace"


DOUBLE = """
WITH made AS (INSERT INTO workspaces_workspace (id, name, personal, id_prefix)
              VALUES (gen_random_uuid(), 'the second', true, 'fp') RETURNING id)
INSERT INTO workspaces_membership (id, workspace_id, user_id, role) SELECT gen_random_uuid(), id, %(user)s, 'owner' FROM made
"""


def migrate(targets: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(targets)
