"""Of a published version the note, the moment and the workspace are fixed too."""

from django.db import migrations

from lib.triggers import refuses_change

BEFORE = [
    "template_id",
    "number",
    "text",
    "system_prompt",
    "training_system_prompt",
    "variables",
    "language",
    "model",
]
TABLE = "templates_app_templateversion"
OLD = refuses_change(TABLE, columns=BEFORE, once="published_at")
NEW = refuses_change(TABLE, columns=[*BEFORE, "note", "published_at", "workspace_id"], once="published_at")


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0003_triggers")]

    operations = [
        migrations.RunSQL(OLD.reverse_sql, OLD.sql),
        migrations.RunSQL(NEW.sql, NEW.reverse_sql),
    ]
