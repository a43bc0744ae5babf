"""Migration operations that make triggers."""

from django.db import migrations

MAKE_FUNCTION = """
CREATE OR REPLACE FUNCTION lorapipe_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = clock_timestamp();
    RETURN NEW;
END $$;
"""


def touch_function() -> migrations.RunSQL:
    """The function that sets every `updated_at`. The first migration of workspaces makes it."""
    return migrations.RunSQL(MAKE_FUNCTION, "DROP FUNCTION lorapipe_touch()")


def keeps_updated_at(*tables: str) -> list[migrations.RunSQL]:
    """A trigger on each table that sets `updated_at` with every update, also with bulk updates."""
    return [
        migrations.RunSQL(
            f"CREATE TRIGGER touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION lorapipe_touch()",
            f"DROP TRIGGER touch ON {table}",
        )
        for table in tables
    ]


def append_only(table: str, *, person: str = "", deletable: bool = False) -> migrations.RunSQL:
    """A trigger that refuses to change or delete a row. Only the person who made it may still be removed from it.

    `deletable`: the rows go with the row that they are about, when that is deleted. `person` names the column of that person if it is not `created_by_id`. Such a column can only be emptied.
    """
    columns = person or "created_by_id,updated_at"
    events = "UPDATE" if deletable else "UPDATE OR DELETE"
    emptied = f"NEW.{person} IS NULL AND " if person else ""
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND {emptied}to_jsonb(NEW) - '{{{columns}}}'::text[]
                                  = to_jsonb(OLD) - '{{{columns}}}'::text[] THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'rows of {table} are only added' USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER stays BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stays();
        """,
        f"DROP TRIGGER stays ON {table}; DROP FUNCTION {table}_stays();",
    )


def refuses_change(table: str, *, columns: list[str], once: str) -> migrations.RunSQL:
    """A trigger that refuses to change these columns of a row, or to delete it, once the column `once` is set."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {table}_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.{once} IS NULL THEN RETURN coalesce(NEW, OLD); END IF;
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a published version cannot be deleted' USING ERRCODE = 'restrict_violation';
            END IF;
            IF ({old}) IS DISTINCT FROM ({new}) OR NEW.{once} IS NULL THEN
                RAISE EXCEPTION 'a published version cannot be changed' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_is_fixed();
        """,
        f"DROP TRIGGER fixed ON {table}; DROP FUNCTION {table}_is_fixed();",
    )
