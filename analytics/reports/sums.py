"""The numbers by day added up in several ways at once: a page of reports reads the rows of each table once."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, models

Way = tuple[str, ...]
Added = Mapping[Way, list[dict[str, Any]]]


def add_up(rows: "models.QuerySet[Any]", ways: Sequence[Way], sums: Sequence[str]) -> Added:
    """For each of `ways`, which are columns to group by, its groups: the values of these columns, and the sums of `sums`.

    One query (PostgreSQL's GROUPING SETS). Foreign keys go by the name of their column, such as `template_version_id`.
    """
    columns = list(dict.fromkeys(column for way in ways for column in way))
    inner, values = rows.order_by().values_list(*columns, *sums).query.sql_with_params()
    named = ", ".join(columns)
    sets = ", ".join(f"({', '.join(way)})" for way in ways)
    added = ", ".join(_write_sum(rows.model, name) for name in sums)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT GROUPING({named}), {named}, {added} FROM ({inner}) days GROUP BY GROUPING SETS ({sets})",  # noqa: S608 (names of ours)
            values,
        )
        found = cursor.fetchall()
    # GROUPING has a bit for each column, the last one the lowest, which is set where the column is not grouped by.
    masks = {
        sum(1 << place for place, name in enumerate(reversed(columns)) if name not in way): way
        for way in ways
    }
    groups: dict[Way, list[dict[str, Any]]] = {way: [] for way in ways}
    for mask, *row in found:
        way = masks[mask]
        cells = dict(zip((*columns, *sums), row, strict=True))
        groups[way].append({name: cells[name] for name in (*way, *sums)})
    return groups


def _write_sum(model: type[models.Model], name: str) -> str:
    """As a whole number where the column has whole numbers: PostgreSQL adds up the large ones as decimals."""
    is_decimal = isinstance(model._meta.get_field(name), models.DecimalField)
    return f"SUM({name})" if is_decimal else f"SUM({name})::bigint"
