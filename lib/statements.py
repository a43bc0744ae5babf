"""Statements for the engine's hot rows, their text made once: Django compiles its own anew for each call.

Same columns, same conversions, same constraints and triggers; what is saved is about half of what such a row costs this
process (bench/engine.py). Where no thousand rows a minute are written, the ORM is the better place.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

Column: TypeAlias = "Field[Any, Any]"
M = TypeVar("M", bound=Model)


def insert(rows: Sequence[Model]) -> None:
    """New rows of one model in one statement; a column that the database fills by itself is left to it in all of them.

    What a row does not say of such a column stays unknown to it here, as after `bulk_create` it would not.
    """
    columns, text = _insert(type(rows[0]), len(rows), _unsaid(rows[0]))
    with connection.cursor() as cursor:
        cursor.execute(text, [_adapted(column, row) for row in rows for column in columns])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(
    model: type[Model], key: UUID, values: Mapping[str, Any], *, moments: tuple[str, ...] = ()
) -> None:
    """Set these columns of one row, named as the model's fields; `moments` are set to the database's clock."""
    columns, text = _update(model, tuple(values), moments)
    given = zip(columns, values.values(), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(text, [*(column.get_db_prep_save(value, connection) for column, value in given), key])


def columns(model: type[Model], names: tuple[str, ...], *, of: str) -> str:
    """The columns of these fields for a SELECT, in the order that `read` expects; `of` is the table's name in it."""
    return ", ".join(f"{of}.{_quoted(each)}" for each in _chosen(model, names))


def read(model: type[M], names: tuple[str, ...], row: Sequence[Any]) -> M:
    """The object of a row of these columns; what is asked of it beyond them is read then, as after `only`."""
    fields = _chosen(model, names)
    values = [
        each.from_db_value(value, None, connection) if hasattr(each, "from_db_value") else value
        for each, value in zip(fields, row, strict=True)
    ]
    return model.from_db(connection.alias, [each.attname for each in fields], values)


def _unsaid(row: Model) -> frozenset[str]:
    columns = row._meta.local_concrete_fields
    return frozenset(
        each.attname
        for each in columns
        if each.generated or isinstance(getattr(row, each.attname), DatabaseDefault)
    )


def _adapted(column: Column, row: Model) -> Any:
    return column.get_db_prep_save(column.pre_save(row, add=True), connection)


@cache
def _insert(model: type[Model], n: int, unsaid: frozenset[str]) -> tuple[list[Column], str]:
    columns = [each for each in model._meta.local_concrete_fields if each.attname not in unsaid]
    names = ", ".join(_quoted(each) for each in columns)
    row = f"({', '.join(['%s'] * len(columns))})"
    return (
        columns,
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names}) VALUES {', '.join([row] * n)}",  # noqa: S608
    )


@cache
def _update(model: type[Model], names: tuple[str, ...], moments: tuple[str, ...]) -> tuple[list[Column], str]:
    columns = [_field(model, name) for name in names]
    sets = [f"{_quoted(each)} = %s" for each in columns]
    sets += [f"{_quoted(_field(model, name))} = clock_timestamp()" for name in moments]
    return (
        columns,
        f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {', '.join(sets)} WHERE id = %s",  # noqa: S608
    )


@cache
def _chosen(model: type[Model], names: tuple[str, ...]) -> list[Column]:
    """In the model's own order, which is the one that `from_db` takes values in."""
    return [each for each in model._meta.concrete_fields if each.name in names]


def _field(model: type[Model], name: str) -> Column:
    field: Column = model._meta.get_field(name)  # type: ignore[assignment]
    return field


def _quoted(column: Column) -> str:
    return connection.ops.quote_name(str(column.column))
