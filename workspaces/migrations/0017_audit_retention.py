"""The owner of the audit log may remove old entries, in a transaction that says so. Everybody else still may not."""

from django.db import migrations

# pg_has_role: whether who asks has the rights of the table's owner. The web's and the workers' roles have not.
FUNCTION = """
CREATE OR REPLACE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.who_id IS NULL AND to_jsonb(NEW) - '{who_id}'::text[]
                          = to_jsonb(OLD) - '{who_id}'::text[] THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('lorapipe.audit_retention', true) = 'on'
       AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = TG_RELID) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of audit_log are only added' USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0016_audit_origin"),
    ]

    operations = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
