"""Migration operations for what PostgreSQL does with the rows that name a row when that row is deleted.

Django 5.2 makes every foreign key without such a rule, and deletes or empties the other rows itself, one query a table.
With a rule of the database, a deletion by SQL is complete too, and no row has to be read. The state of the models does
not change.
"""

from typing import Literal

from django.db import migrations

Rule = Literal["CASCADE", "SET NULL", "NO ACTION"]


def on_delete(table: str, column: str, *, to: str, rule: Rule) -> migrations.RunSQL:
    """Makes the foreign key of this column anew, under its name, with this rule. `to` is the table whose `id` it names."""
    return migrations.RunSQL(_remake(table, column, to, rule), _remake(table, column, to, "NO ACTION"))


def _remake(table: str, column: str, to: str, rule: Rule) -> str:
    return f"""
    DO $$
    DECLARE found name;
    BEGIN
        SELECT c.conname INTO STRICT found FROM pg_constraint c
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
         WHERE c.contype = 'f' AND c.conrelid = '{table}'::regclass AND a.attname = '{column}';
        EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', found);
        EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT %I FOREIGN KEY ({column}) REFERENCES {to} (id)'
                       ' ON DELETE {rule} DEFERRABLE INITIALLY DEFERRED', found);
    END $$
    """  # noqa: S608
