"""The policies of row level security, made from the models: a new table of a workspace gets its own at the next `prepare`.

Which tables: those with a `workspace`, and those without one whose rows must belong to such a row. What says who somebody is
must be read before anything is known about a person, and has no policy.

Row level security is enabled, and not forced: the owner of the tables, as whom migrations, commands and backups run, sees all.
Under FORCE a migration of data would touch no row, and say nothing.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models, transaction

from stack.postgres import WEB, WORKER
from workspaces.isolation.reach import SETTING

OPEN = {"workspaces.membership", "workspaces.apitoken", "workspaces.signinlink"}
NAME = "workspaces"  # of a policy; the database has one of each name for a table
# PostgreSQL computes this subquery once for a statement and then looks each row up in a hash table. An array would be compared with
# each row, and the planner, who does not know its length, would think every index that begins with the workspace ten times as dear.
# The setting of a transaction that has ended is '', which is no array: hence nullif. NULL shows no row.
REACHED = f"(SELECT unnest(nullif(current_setting('{SETTING}', true), '')::uuid[]))"
# A row without a workspace of its own is seen by whoever sees the one that it belongs to.
OF_PARENT = "EXISTS (SELECT FROM {parent} p WHERE p.id = {column})"
FIND = """
SELECT c.relname, c.relrowsecurity, coalesce(string_agg(obj_description(p.oid, 'pg_policy'), ' ' ORDER BY p.polname), '')
  FROM pg_class c
  LEFT JOIN pg_policy p ON p.polrelid = c.oid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
 GROUP BY c.oid
"""
# The trigger `stays` refuses changes by everybody; the rights refuse them once more to those who might drop a trigger's condition.
# When a person is deleted, `who_id` is emptied.
AUDIT_LOG = f"""
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM {WEB}, {WORKER};
GRANT UPDATE (who_id) ON audit_log TO {WEB}, {WORKER};
"""
# What cannot be asked behind a policy (conversations/migrations/0012_functions_beside_policies.py, 0013_match_conversations.py).
_BESIDE = "lorapipe_find_turns, lorapipe_find_conversations, lorapipe_match_conversations, lorapipe_count_in_flight, lorapipe_was_called"
FUNCTIONS = f"""
REVOKE ALL ON FUNCTION {_BESIDE} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {_BESIDE} TO {WEB}, {WORKER};
"""


class Isolated(NamedTuple):
    """A table, and the condition on which the web process may touch a row of it."""

    table: str
    condition: str

    def commands(self) -> list[str]:
        """Safe to repeat. The worker's own policy lets it work for all workspaces (docs/decisions/0035)."""
        rules = {WEB: self.condition, WORKER: "true"}
        return [
            f"ALTER TABLE {self.table} ENABLE ROW LEVEL SECURITY",
            *(
                command
                for role, rule in rules.items()
                for command in (
                    f"DROP POLICY IF EXISTS {NAME}_of_{role} ON {self.table}",
                    f"CREATE POLICY {NAME}_of_{role} ON {self.table} TO {role} USING ({rule}) WITH CHECK ({rule})",
                    f"COMMENT ON POLICY {NAME}_of_{role} ON {self.table} IS '{_hash(rule)}'",
                )
            ),
        ]

    def marks(self) -> str:
        """What `FIND` reads where these policies are there."""
        return f"{_hash(self.condition)} {_hash('true')}"


def list_isolated() -> list[Isolated]:
    """Every table that holds rows of workspaces, by the models."""
    return [
        Isolated(model._meta.db_table, condition)
        for model in apps.get_models(include_auto_created=True)
        if (condition := _find_condition(model))
    ]


def set_up() -> bool:
    """Make the policies and rights that are missing, as the owner of the tables. False where the two roles do not exist."""
    if not have_roles():
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FIND)
        there = {table: (enabled, marks) for table, enabled, marks in cursor.fetchall()}
        for each in list_isolated():
            # Each of these commands locks its table; at most starts there is nothing to do.
            if there.get(each.table) != (True, each.marks()):
                for command in each.commands():
                    cursor.execute(command)
        cursor.execute(AUDIT_LOG + FUNCTIONS)
    return True


def have_roles() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) = 2 FROM pg_roles WHERE rolname IN (%s, %s)", [WEB, WORKER])
        found: bool = cursor.fetchone()[0]
        return found


def _find_condition(model: type[models.Model]) -> str:
    """Empty for a table that belongs to no workspace."""
    if model._meta.label_lower in OPEN:
        return ""
    for field in _foreign_keys(model):
        if field.name == "workspace":
            own = f"workspace_id IN {REACHED}"
            return f"workspace_id IS NULL OR {own}" if field.null else own
    for field in _foreign_keys(model):
        parent: Any = field.related_model
        if not field.null and any(each.name == "workspace" for each in parent._meta.fields):
            return OF_PARENT.format(parent=parent._meta.db_table, column=field.column)
    return ""


def _foreign_keys(model: type[models.Model]) -> Iterator["models.ForeignKey[Any, Any]"]:
    yield from (field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
