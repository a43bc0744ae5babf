"""The roles of our own PostgreSQL: who owns the tables, and who works with them.

The cluster is made by a superuser. Whoever connects as one can run programs on this machine and is above every rule of the
database. So it makes three roles, gives them what is there, and may not log in any more. An older data folder, in which it
owned everything, is changed at its next start in the same way.
"""

from collections.abc import Callable, Mapping

import psycopg
from psycopg import sql

from stack.postgres import OWNER, ROLES

Connect = Callable[[str], "psycopg.Connection[tuple[object, ...]]"]  # from the name of a database

# Everything in our own schemas that belongs to no extension, and that nothing else takes along with it.
CHANGE_OWNERS = """
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    -- tables and views; a sequence of a column goes with its table
    SELECT format('ALTER %s %s OWNER TO lorapipe_owner', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
             WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.oid::regclass)
      FROM pg_class c
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relnamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    -- functions, those of the triggers
    SELECT format('ALTER ROUTINE %s OWNER TO lorapipe_owner', p.oid::regprocedure)
      FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE command;
  END LOOP;
END $$
"""
# What the owner of the tables gives to the two others: what is there, and what later migrations make.
GRANTS = """
GRANT USAGE ON SCHEMA public TO lorapipe_web, lorapipe_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO lorapipe_web, lorapipe_worker;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO lorapipe_web, lorapipe_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lorapipe_web, lorapipe_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO lorapipe_web, lorapipe_worker;
"""
# `check_invariants` and the dispatcher's reconciler look for transactions that nobody ends, in the sessions of all three.
SEE_SESSIONS = "GRANT pg_read_all_stats TO lorapipe_owner, lorapipe_worker"
# Tests work as the owner, and as one of the others where they look at what it sees.
BECOME_THE_OTHERS = "GRANT lorapipe_web, lorapipe_worker TO lorapipe_owner WITH INHERIT FALSE, SET TRUE"


def set_up_roles(
    connect: Connect, *, database: str, superuser: str, passwords: Mapping[str, str], for_tests: bool
) -> None:
    """Make the database and the roles, or change those of an older folder. Safe to repeat after a start that was killed.

    `connect` connects as `superuser` to the database of that name, in autocommit. Only the last transaction lets the roles log in, and
    ends that the superuser can: a role that can log in has everything. `for_tests`: the owner may make databases, and become the others.
    """
    with connect("postgres") as connection:
        _make_missing(connection, database)
    with connect(database) as connection, connection.transaction():
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), sql.Identifier(OWNER))
        )
        connection.execute(CHANGE_OWNERS)
        connection.execute(sql.SQL(GRANTS).format(owner=sql.Identifier(OWNER)))
        connection.execute(SEE_SESSIONS)
        if for_tests:
            connection.execute(BECOME_THE_OTHERS)
        for role in ROLES:
            rights = sql.SQL("CREATEDB" if for_tests and role == OWNER else "NOCREATEDB")
            _let_log_in(connection, role, passwords[role], rights)
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(superuser)))


def _make_missing(connection: "psycopg.Connection[tuple[object, ...]]", database: str) -> None:
    for role in ROLES:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def _let_log_in(
    connection: "psycopg.Connection[tuple[object, ...]]", role: str, password: str, rights: sql.SQL
) -> None:
    """The password is hashed here, so that no log of the server can hold it."""
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL(
        "ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION {} PASSWORD {}"
    )
    connection.execute(statement.format(sql.Identifier(role), rights, sql.Literal(hashed)))
