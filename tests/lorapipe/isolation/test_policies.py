"""Row level security as it is set up: the traps that others fell into, and that no table is left without a policy."""

import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.models import UniqueConstraint

from batches.models import BatchJob
from conversations.models import Conversation
from lorapipe.isolation import policies
from lorapipe.isolation.policies import list_isolated
from lorapipe.management.commands.setup_roles import make_role
from provider.models import ProviderKey
from stack.postgres import WEB, WORKER
from tests.factories import make_conversation, make_job, make_user
from tests.support.web_role import web_role
from workspaces.actions import create_token
from workspaces.models import User

pytestmark = pytest.mark.django_db

# Tables that belong to no workspace, or that say who somebody is before anything is known about them.
FREE = {
    # who somebody is
    *(
        "workspaces_user",
        "workspaces_user_groups",
        "workspaces_user_user_permissions",
        "workspaces_workspace",
    ),
    *("workspaces_membership", "workspaces_apitoken", "workspaces_signinlink", "django_session"),
    *("auth_group", "auth_group_permissions", "auth_permission", "django_content_type"),
    "django_admin_log",  # what staff did in the admin, with the names of rows; only staff see their own there
    "saved_views",  # of one person, for all workspaces of that person; the pages ask for the own ones alone
    # of the whole installation
    *("language_models", "model_prices", "lineup_versions", "provider_findings"),
    *("rate_limits", "provider_pools", "workers", "call_stops", "slow_statements"),
}


@contextmanager
def seen_as_web(*workspaces: uuid.UUID) -> Iterator[None]:
    """Statements in a transaction that has been told these workspaces; none at all when there are none."""
    with web_role(), transaction.atomic():
        if workspaces:
            tell(*workspaces)
        yield


def tell(*workspaces: uuid.UUID) -> None:
    text = ",".join(map(str, workspaces))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lorapipe.workspaces', %s, true)", [f"{{{text}}}"])


@pytest.fixture
def two() -> tuple[User, User]:
    users = make_user(), make_user()
    for user in users:
        make_conversation(by=user, title=str(user.pk), turns=["Hello", "Yes?"])
        make_job(by=user)
    return users


# --- the guard -------------------------------------------------------------------------------------------


def test_every_table_has_a_policy_or_a_reason_to_have_none() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    isolated = {each.table for each in list_isolated()}
    assert isolated | FREE == tables, (
        "a new table: give it a workspace, or say in FREE why it belongs to none"
    )
    assert not isolated & FREE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relrowsecurity AND NOT c.relforcerowsecurity AND"
            " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL"
            " AND p.polwithcheck IS NOT NULL) = 2"
        )
        assert {table for (table,) in cursor.fetchall()} == isolated


def test_setting_up_again_changes_nothing_and_mends_what_is_missing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP POLICY workspaces_of_lorapipe_web ON conversations")
        cursor.execute("ALTER TABLE batch_jobs DISABLE ROW LEVEL SECURITY")
        assert policies.set_up()
        cursor.execute("SELECT count(*) FROM pg_policy")
        assert cursor.fetchone() == (2 * len(list_isolated()),)
    call_command("setup_roles", stdout=io.StringIO())


def test_who_may_not_make_roles_is_told_what_a_superuser_must_run() -> None:
    with pytest.raises(CommandError, match='Let a superuser run: CREATE ROLE "nobody_yet" LOGIN NOSUPERUSER'):
        make_role("nobody_yet")


def test_no_unique_constraint_reveals_what_another_workspace_has() -> None:
    """A duplicate is refused also where the other row cannot be seen: each constraint begins with what one's own rows have alone."""
    isolated = {each.table for each in list_isolated()}
    for model in apps.get_models():
        if model._meta.db_table not in isolated:
            continue
        own = {"workspace", "created_by", "user"} | {
            field.name
            for field in model._meta.concrete_fields
            if field.related_model and field.related_model._meta.db_table in isolated
        }
        for each in model._meta.constraints:
            if isinstance(each, UniqueConstraint):
                names = {*each.fields, *(getattr(part, "name", "") for part in each.expressions)}
                assert names & own, f"{model.__name__}: {each.name}"
        unique = [
            field.name for field in model._meta.concrete_fields if field.unique and not field.primary_key
        ]
        # The name of a workspace's own key holds the workspace's id; the others are of the installation.
        assert set(unique) - {"name"} <= own if model is ProviderKey else set(unique) <= own, model.__name__


def test_no_view_and_no_unknown_function_goes_around_the_policies() -> None:
    """A view shows what its owner may see; so does a function that is a SECURITY DEFINER."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT proname, proconfig[1], has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY proname"
        )
        path = "search_path=pg_catalog, public, pg_temp"
        names = ("count_in_flight", "find_conversations", "find_turns", "match_conversations", "was_called")
        assert cursor.fetchall() == [(f"lorapipe_{name}", path, False) for name in names]


# --- the traps -------------------------------------------------------------------------------------------


def test_the_owner_sees_all_and_the_web_what_it_was_told(two: tuple[User, User]) -> None:
    mine, other = (user.personal_workspace().pk for user in two)
    assert Conversation.objects.count() == 2
    with seen_as_web(mine):
        assert set(Conversation.objects.values_list("workspace_id", flat=True)) == {mine}
        assert set(BatchJob.objects.values_list("workspace_id", flat=True)) == {mine}
    with seen_as_web(mine, other):
        assert Conversation.objects.count() == 2


def test_a_setting_that_was_never_made_shows_nothing(two: tuple[User, User]) -> None:
    with seen_as_web():
        for model in apps.get_models(include_auto_created=True):
            if model._meta.db_table in {each.table for each in list_isolated()}:
                rows = model._default_manager.all()
                of_nobody = any(field.name == "workspace" and field.null for field in model._meta.fields)
                assert not (rows.exclude(workspace=None) if of_nobody else rows).exists(), model


def test_after_the_transaction_the_empty_setting_shows_nothing_and_is_no_error(
    two: tuple[User, User],
) -> None:
    """PostgreSQL leaves '' behind, which is no array."""
    with seen_as_web():
        with transaction.atomic():
            tell(two[0].personal_workspace().pk)
            assert Conversation.objects.count() == 1
            transaction.set_rollback(True)
        tell()
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lorapipe.workspaces', '', true)")
        assert not Conversation.objects.exists()


def test_nothing_is_written_into_another_workspace(two: tuple[User, User]) -> None:
    mine, other = two
    with seen_as_web(mine.personal_workspace().pk):
        assert Conversation.objects.filter(title=str(other.pk)).update(title="x") == 0
        assert BatchJob.objects.filter(workspace=other.personal_workspace()).delete()[0] == 0
        own = Conversation.objects.get()
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Conversation.objects.filter(pk=own.pk).update(workspace=other.personal_workspace())
    assert Conversation.objects.get(workspace=other.personal_workspace()).title == str(other.pk)


def test_the_workers_work_for_all(two: tuple[User, User]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {WORKER}")
        assert Conversation.objects.count() == 2
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize("role", [WEB, WORKER])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY",
    ],
)
def test_the_audit_log_is_only_added_to(role: str, statement: str) -> None:
    create_token(make_user(), name="a")
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        run_as(role, statement)
    with transaction.atomic():
        run_as(role, "UPDATE audit_log SET who_id = NULL")  # when a person is deleted


def run_as(role: str, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(statement)
        cursor.execute("RESET ROLE")
