"""A data folder as older versions made it: one superuser, who owned everything and with whom all programs worked."""

from collections.abc import Callable

import psycopg

from stack import process
from stack.folder import DataFolder
from stack.postgres.server import NAME, Postgres
from stack.services import Server, free_port
from tests.support.polling import wait_for


def make_old_folder(folder: DataFolder, fill: Callable[[str], object]) -> None:
    """`fill` gets the address of the database for the superuser, and puts in what the older version had."""
    kind = Postgres(folder, port=free_port(), durable=False)
    kind.prepare()
    server = Server(kind, process.spawn(kind.program()))
    try:
        wait_for(lambda: superuser_connects(kind), what="the old server answers")
        with psycopg.connect(kind.superuser_url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {NAME}")
        fill(kind.superuser_url(NAME))
    finally:
        server.stop()


def superuser_connects(kind: Postgres) -> bool:
    try:
        psycopg.connect(kind.superuser_url("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
