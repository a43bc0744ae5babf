"""Whether row level security holds for this process, said when it starts."""

import logging
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from lorapipe.isolation.policies import list_isolated

logger = logging.getLogger(__name__)

# PostgreSQL's own answer for this role: false for the owner, a superuser and a role with BYPASSRLS, and without the policies.
LOOK = """
SELECT current_user, r.rolsuper OR r.rolbypassrls,
       (SELECT count(*) FROM unnest(%s::text[]) t WHERE CASE WHEN to_regclass(t) IS NULL THEN true ELSE NOT row_security_active(t) END),
       (SELECT count(*) FROM pg_class c WHERE c.relname = ANY (%s) AND pg_has_role(c.relowner, 'USAGE')),
       coalesce(pg_has_role(to_regrole('lorapipe_worker'), 'USAGE'), false)
  FROM pg_roles r WHERE r.rolname = current_user
"""
REMEDY = "docs/operations.md, Roles of the database, tells how to set it up."


def find_gap() -> str:
    """Why row level security does not hold for this process; empty where it does. Raises psycopg.OperationalError.

    It asks over a connection of its own: the web process forks after this, and may share none with its children.
    """
    with psycopg.connect(**_make_parameters()) as asking:
        return ask(asking)


def ask(asking: "psycopg.Connection[Any]") -> str:
    tables = [each.table for each in list_isolated()]
    row = asking.execute(LOOK, [tables, tables]).fetchone()
    return describe_gap(*(row or ("nobody", True, 0, 0, False)), is_web=settings.WEB_PROCESS)


def describe_gap(role: str, is_above: bool, bare: int, owned: int, is_worker: bool, *, is_web: bool) -> str:
    """`bare`: tables on which PostgreSQL applies no policy to this role; `owned`: tables that it owns."""
    if is_above:
        return f"the database role {role} is a superuser or has BYPASSRLS"
    if owned:
        return f"the database role {role} owns the tables"
    if is_worker and is_web:
        return f"the database role {role} sees all workspaces, as workers do; the web needs lorapipe_web"
    return f"{bare} tables have no policy" if bare else ""


def check(*, required: bool) -> None:
    """Log a line where it does not hold. Raises ImproperlyConfigured where it is `required`, also while the database is away."""
    try:
        gap = find_gap()
    except psycopg.OperationalError as away:
        if required:
            raise ImproperlyConfigured(
                f"LORAPIPE_REQUIRE_RLS=1, and the database does not answer: {away}"
            ) from away
        return
    if gap and required:
        raise ImproperlyConfigured(f"LORAPIPE_REQUIRE_RLS=1, and row level security is off: {gap}. {REMEDY}")
    if gap:
        logger.warning("Row level security is off: %s. %s", gap, REMEDY)


def _make_parameters() -> dict[str, Any]:
    found = dict(connection.get_connection_params())
    for name in ("context", "cursor_factory", "prepare_threshold"):
        found.pop(name, None)
    return found
