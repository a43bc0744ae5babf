"""Versions record the syntax that they were written in: the existing ones keep the first, so that they render as before.

Templates of a pack keep their name in it, so that a renamed one is still found.
"""

from django.db import migrations, models

from lib.triggers import refuses_change

TABLE = "templates_app_templateversion"
# What is fixed of a published version (0006), and the syntax with it.
BEFORE = [
    *("template_id", "number", "text", "system_prompt", "training_system_prompt", "variables"),
    *("language", "model", "note", "published_at", "workspace_id", "turns_min", "turns_max"),
]
OLD = refuses_change(TABLE, columns=BEFORE, once="published_at")
NEW = refuses_change(TABLE, columns=[*BEFORE, "syntax"], once="published_at")
FIRST, NEWEST = 1, 2
HELP = "How its texts are read: 1 without sections and escapes, 2 with."


class Migration(migrations.Migration):
    dependencies = [("templates_app", "0009_import_file_sheet")]

    operations = [
        migrations.AddField(
            model_name="templateversion",
            name="syntax",
            field=models.PositiveSmallIntegerField(default=FIRST, db_default=FIRST, help_text=HELP),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="syntax",
            field=models.PositiveSmallIntegerField(default=NEWEST, db_default=NEWEST, help_text=HELP),
        ),
        migrations.AddField(
            model_name="prompttemplate",
            name="pack_key",
            field=models.CharField(
                blank=True, help_text="Its name in the pack, which never changes.", max_length=200
            ),
        ),
        migrations.RunSQL(
            "UPDATE templates_app_prompttemplate SET pack_key = name WHERE pack <> ''", migrations.RunSQL.noop
        ),
        migrations.AddConstraint(
            model_name="prompttemplate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("pack_key", ""), _negated=True),
                fields=("workspace", "pack", "pack_key"),
                name="prompttemplate_pack_key_once",
            ),
        ),
        migrations.RunSQL(OLD.reverse_sql, OLD.sql),
        migrations.RunSQL(NEW.sql, NEW.reverse_sql),
    ]
