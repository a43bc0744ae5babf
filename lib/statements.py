"""SQL statements for the rows that the engine writes most often. Their text is built once; Django's ORM builds it anew.

Columns, conversions, constraints and triggers are the same. It saves about half of the CPU time of such a row
(bench/engine.py). The ORM is the better choice unless thousands of rows a minute are written.
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
    """Insert new rows of one model in one statement. The database fills the columns that have a database default.

    Unlike `bulk_create`, it does not read the values of these columns back.
    """
    columns, text = _build_insert(type(rows[0]), len(rows), _find_unset_columns(rows[0]))
    with connection.cursor() as cursor:
        cursor.execute(text, [_adapt(column, row) for row in rows for column in columns])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(
    model: type[Model], key: UUID, values: Mapping[str, Any], *, moments: tuple[str, ...] = ()
) -> None:
    """Set these fields of one row. The fields in `moments` are set to the database's clock."""
    columns, text = _build_update(model, tuple(values), moments)
    given = zip(columns, values.values(), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(text, [*(column.get_db_prep_save(value, connection) for column, value in given), key])


def columns(model: type[Model], names: tuple[str, ...], *, of: str) -> str:
    """The columns of these fields for a SELECT, in the order that `read` expects. `of` is the table's name in it."""
    return ", ".join(f"{of}.{_quote(each)}" for each in _select_fields(model, names))


def read(model: type[M], names: tuple[str, ...], row: Sequence[Any]) -> M:
    """The object for a row of these columns. Other fields are loaded when they are used, as after `only`."""
    fields = _select_fields(model, names)
    values = [
        each.from_db_value(value, None, connection) if hasattr(each, "from_db_value") else value
        for each, value in zip(fields, row, strict=True)
    ]
    return model.from_db(connection.alias, [each.attname for each in fields], values)


def _find_unset_columns(row: Model) -> frozenset[str]:
    columns = row._meta.local_concrete_fields
    return frozenset(
        each.attname
        for each in columns
        if each.generated or isinstance(getattr(row, each.attname), DatabaseDefault)
    )


def _adapt(column: Column, row: Model) -> Any:
    return column.get_db_prep_save(column.pre_save(row, add=True), connection)


@cache
def _build_insert(model: type[Model], n: int, unsaid: frozenset[str]) -> tuple[list[Column], str]:
    columns = [each for each in model._meta.local_concrete_fields if each.attname not in unsaid]
    names = ", ".join(_quote(each) for each in columns)
    row = f"({', '.join(['%s'] * len(columns))})"
    return (
        columns,
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names}) VALUES {', '.join([row] * n)}",  # noqa: S608
    )


@cache
def _build_update(
    model: type[Model], names: tuple[str, ...], moments: tuple[str, ...]
) -> tuple[list[Column], str]:
    columns = [_field(model, name) for name in names]
    sets = [f"{_quote(each)} = %s" for each in columns]
    sets += [f"{_quote(_field(model, name))} = clock_timestamp()" for name in moments]
    return (
        columns,
        f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {', '.join(sets)} WHERE id = %s",  # noqa: S608
    )


@cache
def _select_fields(model: type[Model], names: tuple[str, ...]) -> list[Column]:
    """The fields in the model's own order, in which `from_db` takes their values."""
    return [each for each in model._meta.concrete_fields if each.name in names]


def _field(model: type[Model], name: str) -> Column:
    field: Column = model._meta.get_field(name)  # type: ignore[assignment]
    return field


def _quote(column: Column) -> str:
    return connection.ops.quote_name(str(column.column))
